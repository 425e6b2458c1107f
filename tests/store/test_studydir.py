import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.errors import UserError
from tlrun.store.studydir import (
    Arm,
    StudyPlan,
    Trials,
    damaged_studies,
    declare,
    read_study,
    studies,
    study_file,
    study_id,
)

ONE = Arm("joint", "joint", "f1", ("s1", "s2"), ("0.1", "∞"), {"scratch": ("c1",)})
TWO = Arm("scratch", "scratch steps=5", "f2", ("c1",), (), {})
PLAN = StudyPlan(
    problem="p",
    dataset="digits",
    metric="target accuracy",
    arms=(ONE, TWO),
    seeds=(0, 1, 2),
    looks=(),
    alpha=0.05,
    delta=0.01,
    command="tl-run -m seeds=3",
    runs=9,
    finished_before=4,
)


def file_of(runs_dir: Path, plan: StudyPlan = PLAN) -> Path:
    return study_file(runs_dir, plan.id)


def test_what_is_declared_is_read_back(tmp_path: Path) -> None:
    for plan in (PLAN, replace(PLAN, problem="q", looks=(5, 10), delta=None)):
        standing = declare(tmp_path, plan)

        assert replace(standing, declared="") == plan
        assert standing.declared
        assert read_study(file_of(tmp_path, plan)) == standing
        assert standing.auto is bool(plan.looks)
    # nothing half-written
    assert {path.suffix for path in (tmp_path / ".studies").iterdir()} == {".json"}


def test_the_file_is_laid_out_as_it_is_said_to_be(tmp_path: Path) -> None:
    declare(tmp_path, PLAN)
    record = json.loads(file_of(tmp_path).read_text(encoding="utf-8"))

    assert list(record) == ["plan", "digest", "declared"]
    assert record["plan"] == {
        "problem": "p",
        "dataset": "digits",
        "metric": "target accuracy",
        "arms": [
            {
                "strategy": "joint",
                "label": "joint",
                "family": "f1",
                "settings": ["s1", "s2"],
                "lams": ["0.1", "∞"],
                "controls": {"scratch": ["c1"]},
            },
            {
                "strategy": "scratch",
                "label": "scratch steps=5",
                "family": "f2",
                "settings": ["c1"],
                "lams": [],
                "controls": {},
            },
        ],
        "seeds": [0, 1, 2],
        "auto": False,
        "looks": [],
        "alpha": 0.05,
        "delta": 0.01,
        "command": "tl-run -m seeds=3",
        "finished_before": {"finished": 4, "runs": 9},
    }
    # as anybody can compute it: jq -cjS .plan FILE | sha256sum
    text = json.dumps(
        record["plan"], sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()
    assert record["digest"] == hashlib.sha256(text).hexdigest() == PLAN.digest


@given(
    st.permutations([ONE, TWO, replace(ONE, family="f3", settings=("s9",))]),
    st.lists(st.integers(0, 99), min_size=1).map(tuple),
    st.floats(0.001, 0.4),
)
def test_the_id_is_that_of_the_problem_and_the_settings_alone(
    arms: list[Arm], seeds: tuple[int, ...], alpha: float
) -> None:
    plan = replace(PLAN, arms=tuple(arms), seeds=seeds, alpha=alpha, looks=(5,), command="x")

    assert plan.id == study_id("p", ["s9", "s2", "c1", "s1"])
    assert replace(plan, problem="q").id != plan.id
    assert replace(plan, arms=plan.arms[:2]).id != plan.id


TRIALS = (Trials((0.001, 0.01), ("s1", "t1")), Trials((0.001, 0.01), ("c1", "d1")))


def test_trials_are_part_of_a_plan_and_of_its_id(tmp_path: Path) -> None:
    tuned = replace(PLAN, tuning=TRIALS)
    standing = declare(tmp_path, tuned)

    assert replace(standing, declared="") == tuned
    assert len({PLAN.id, tuned.id, replace(PLAN, tuning=()).id}) == 3
    assert tuned.id == replace(tuned, tuning=TRIALS[::-1]).id
    assert len({PLAN.digest, tuned.digest, replace(PLAN, tuning=TRIALS[:1]).digest}) == 3
    assert tuned.settings == {"s1", "s2", "c1", "t1", "d1"}  # c1 is an arm too
    assert replace(tuned, arms=(ONE,)).settings == {"s1", "s2", "t1"}
    assert replace(tuned, arms=(ONE,)).every_setting == {"s1", "s2", "t1", "c1", "d1"}
    path = file_of(tmp_path, tuned)
    record = json.loads(path.read_text(encoding="utf-8"))
    record["plan"]["tuning"][1]["settings"] = ["c1", "e1"]
    path.write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(UserError, match="its digest does not fit"):
        read_study(path)


def test_what_is_declared_once_stands(tmp_path: Path) -> None:
    first = declare(tmp_path, PLAN)
    before = file_of(tmp_path).read_bytes()
    again = declare(tmp_path, replace(PLAN, alpha=0.2, seeds=(7,), arms=(TWO, ONE)))

    assert again == first
    assert file_of(tmp_path).read_bytes() == before


CHANGES: list[dict[str, Any]] = [
    {"alpha": 0.1},
    {"delta": None},
    {"seeds": [0, 1, 2, 3]},
    {"looks": [5, 10]},
    {"auto": True},
    {"finished_before": {"finished": 0, "runs": 9}},
    {"metric": "mean auc"},
    {"arms": []},
    {"problem": "q"},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_a_plan_edited_by_hand_is_noticed(tmp_path: Path, change: dict[str, Any]) -> None:
    declare(tmp_path, PLAN)
    path = file_of(tmp_path)
    record = json.loads(path.read_text(encoding="utf-8"))
    record["plan"] |= change
    path.write_text(json.dumps(record), encoding="utf-8")

    with pytest.raises(UserError, match="its digest does not fit"):
        read_study(path)
    with pytest.raises(UserError, match="its digest does not fit"):
        declare(tmp_path, PLAN)


def test_layout_is_no_part_of_a_plan(tmp_path: Path) -> None:
    standing = declare(tmp_path, PLAN)
    record = json.loads(file_of(tmp_path).read_text(encoding="utf-8"))
    file_of(tmp_path).write_text(json.dumps(record, sort_keys=True), encoding="utf-8")

    assert read_study(file_of(tmp_path)) == standing


def test_a_plan_under_the_name_of_another_is_noticed(tmp_path: Path) -> None:
    declare(tmp_path, PLAN)
    path = study_file(tmp_path, "0" * 12)
    path.write_bytes(file_of(tmp_path).read_bytes())

    with pytest.raises(UserError, match=f"found that of study {PLAN.id}"):
        read_study(path)


BROKEN_FILES = [
    "", "{", "[]", "{}", '{"plan": 3, "digest": "", "declared": ""}',
    '{"plan": {}, "digest": "x", "declared": "y"}', '{"plan": {"arms": [3]}, "digest": "x"}',
    "\udcff",
]  # fmt: skip


@pytest.mark.parametrize("text", BROKEN_FILES)
def test_a_file_that_holds_no_study_is_one_line(tmp_path: Path, text: str) -> None:
    path = study_file(tmp_path, PLAN.id)
    path.parent.mkdir()
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(UserError) as caught:
        read_study(path)

    (line,) = caught.value.lines
    assert line.startswith(f"{path}: expected a study as it was declared, found a file that is ")
    assert "\n" not in line


def test_a_file_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="expected a file that can be read, found No such file"):
        read_study(tmp_path / "x.json")


def test_all_are_read_the_oldest_first_and_the_damaged_are_told_apart(tmp_path: Path) -> None:
    assert studies(tmp_path) == []
    assert damaged_studies(tmp_path) == []
    plans = [replace(PLAN, problem=name) for name in "cabd"]
    for place, plan in enumerate(plans):
        declare(tmp_path, plan)
        path = file_of(tmp_path, plan)
        record = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(record | {"declared": f"2026-01-0{place + 1}"}))
    broken = file_of(tmp_path, plans[1])
    broken.write_text("{}")

    assert [plan.problem for plan in studies(tmp_path)] == ["c", "b", "d"]
    assert [mistake.key for mistake in damaged_studies(tmp_path)] == [str(broken)]
