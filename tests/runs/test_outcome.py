"""A finished run is read from its folder alone, and its folder stays as it is."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tlrun.config.build import build
from tlrun.runs.outcome import FACTS, Outcome, load_run, load_runs, read_outcome
from tlrun.runs.plan import THIS, plan_with_controls
from tlrun.runs.remembered import ProblemCache
from tlrun.store.digests import OWN

from problems import Watcher, config, outcomes_of, performed, planned, sign

ASKED: list[dict[str, Any]] = [
    {},
    {"lam": {"name": "constant", "value": math.inf}},
    {"lam": {"name": "constant", "value": 0.0}},
    {"lam": {"name": "linear", "value": 2.0}},
    {"strategy": {"name": "scratch"}},
]


def done(runs_dir: Path, **changes: Any) -> Outcome:
    return performed(planned(config(runs_dir, **changes), Watcher()), THIS, Watcher())


def record(outcome: Outcome) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((outcome.path / "run.json").read_text())
    return found


@pytest.mark.parametrize("changes", ASKED)
def test_what_the_folder_says_is_what_the_plan_said(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    plan = planned(config(tmp_path, **changes), Watcher())
    outcome = performed(plan, THIS, Watcher())
    facts = plan.facts

    assert {key: getattr(outcome, key) for key in facts} == facts
    assert set(facts) == set(FACTS) - {"test_examples", "seconds"}  # what only the run can tell
    assert outcome.path == plan.run_dir.path
    assert outcome.result == json.loads((outcome.path / "result.json").read_text())
    assert outcome.seconds == record(outcome)["seconds"]
    assert replace(read_outcome(plan.run_dir, THIS), found=False) == outcome


@pytest.mark.parametrize(
    ("changes", "lam", "label"),
    [
        ({"lam": {"name": "constant", "value": 0.12345671}}, 0.12345671, "0.12345671"),
        ({"lam": {"name": "constant", "value": math.inf}}, math.inf, "inf"),
        ({"lam": {"name": "linear", "value": 2.0}}, None, "linear-0-2"),
        ({"strategy": {"name": "scratch"}}, None, ""),
    ],
)
def test_lambda_is_a_number_and_none_where_a_schedule_moves_it_or_it_decides_nothing(
    tmp_path: Path, changes: dict[str, Any], lam: float | None, label: str
) -> None:
    outcome = done(tmp_path, **changes)

    assert (outcome.lam, outcome.lam_label) == (lam, label)
    assert load_run(outcome.path).lam == lam


def test_a_run_is_loaded_by_its_folder_however_that_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = done(tmp_path / "runs")
    expected = replace(outcome, name="parameter_transfer", found=True)
    monkeypatch.chdir(tmp_path)

    assert load_run(outcome.path) == expected
    assert load_run(str(outcome.path)) == expected
    assert load_run(outcome.path.relative_to(tmp_path)).result == expected.result
    assert load_run(outcome.path / ".." / outcome.path.name) == expected


def test_a_folder_that_is_no_finished_run_is_an_error_that_says_what_it_is(tmp_path: Path) -> None:
    outcome = done(tmp_path)
    whole = record(outcome)
    with pytest.raises(
        FileNotFoundError, match=r"expected the folder of a run, found no run\.json"
    ):
        load_run(tmp_path / "digits" / "parameter_transfer" / "none")
    (outcome.path / "run.json").write_text(json.dumps(whole | {"status": "failed"}))
    with pytest.raises(ValueError, match="expected a finished run, found failed"):
        load_run(outcome.path)
    del whole["family"], whole["lam"], whole[OWN]
    (outcome.path / "run.json").write_text(json.dumps(whole))
    with pytest.raises(ValueError, match=r"run\.json lacks family, lam"):
        load_run(outcome.path)


@pytest.mark.parametrize("short", [Path("/"), Path("/one"), Path("/one/two"), Path("/nowhere/a/b")])
def test_a_path_too_short_to_be_a_run_is_no_run(short: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected the folder of a run"):
        load_run(short)


def test_a_run_whose_files_are_not_all_there_is_no_run(tmp_path: Path) -> None:
    outcome = done(tmp_path)
    (outcome.path / "result.json").unlink()

    with pytest.raises(ValueError, match=r"result\.json"):
        load_run(outcome.path)
    (outcome.path / "result.json").write_text("{}")
    with pytest.raises(ValueError, match=r"result\.json is damaged"):
        load_run(outcome.path)
    sign(outcome.path)
    with pytest.raises(ValueError, match="headline"):
        load_run(outcome.path)


def test_all_finished_runs_are_loaded_and_no_other(tmp_path: Path) -> None:
    first, second = done(tmp_path), done(tmp_path, seed=1)
    failed, running, old, torn = (done(tmp_path, seed=seed) for seed in (2, 3, 4, 5))
    for outcome, status in ((failed, "failed"), (running, "running")):
        (outcome.path / "run.json").write_text(json.dumps(record(outcome) | {"status": status}))
    lacking = {key: value for key, value in record(old).items() if key not in ("problem", OWN)}
    (old.path / "run.json").write_text(json.dumps(lacking))
    (torn.path / "model.safetensors").unlink()

    found = load_runs(tmp_path)

    assert [outcome.path for outcome in found] == [first.path, second.path]
    assert [outcome.name for outcome in found] == ["parameter_transfer"] * 2
    assert load_runs(tmp_path / "nowhere") == []


def test_controls_are_named_by_their_setting_and_each_is_that_of_its_run(tmp_path: Path) -> None:
    this, *controls = outcomes_of(config(tmp_path, controls=True), Watcher())

    assert len(controls) == 4
    assert dict(this.controls) == {control.name: control.setting for control in controls}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"strategy": {"name": "feature_transfer"}},
        {"dataset": {"name": "digits", "classes": "split"}},
        {"dataset": {"name": "digits_tasks"}, "strategy": {"name": "shared_parameters"}},
        {"strategy": {"name": "scratch"}},
    ],
)
def test_a_run_names_its_own_controls_whether_they_are_asked_for_or_not(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    with_controls = build(config(tmp_path, controls=True, **changes))
    arms = plan_with_controls(with_controls, ProblemCache(), Watcher())
    this = arms.pop(THIS)
    alone = planned(config(tmp_path, controls=False, **changes), Watcher())

    assert dict(this.controls) == {name: arm.setting for name, arm in arms.items()}
    assert alone.controls == this.controls
    assert alone.facts == this.facts
    assert alone.run_dir == this.run_dir


def test_run_json_says_the_same_with_controls_and_without(tmp_path: Path) -> None:
    alone = done(tmp_path / "alone")
    beside, *_ = outcomes_of(config(tmp_path / "beside", controls=True), Watcher())

    for fact in set(FACTS) - {"seconds"}:
        assert record(alone)[fact] == record(beside)[fact]


def test_runs_that_are_tested_on_the_same_examples_say_so(tmp_path: Path) -> None:
    digits = {"name": "digits"}
    same: list[dict[str, Any]] = [
        {},
        {"seed": 1},
        {"strategy": {"name": "scratch"}},
        {"optimizer": {"name": "sgd"}},
    ]
    others: list[dict[str, Any]] = [
        {"dataset": digits | {"split_seed": 1}},
        {"dataset": digits | {"test_share": 0.3}},
    ]
    tested = [done(tmp_path, **changes).test_examples for changes in (*same, *others)]

    assert len(set(tested[: len(same)])) == 1
    assert len(set(tested)) == 1 + len(others)


def files(outcome: Outcome) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in outcome.path.iterdir()}


def test_a_finished_run_stays_as_it_is_whatever_needs_it(tmp_path: Path) -> None:
    """As a control, and for its source stage."""
    control, stage = done(tmp_path, strategy={"name": "scratch"}), done(tmp_path)
    before = [files(outcome) for outcome in (control, stage)]
    outcomes = outcomes_of(
        config(tmp_path, controls=True, strategy={"name": "feature_transfer"}), Watcher()
    )

    assert control.path in [outcome.path for outcome in outcomes if outcome.found]
    assert record(outcomes[0])["stages"][0]["found"]
    assert [files(outcome) for outcome in (control, stage)] == before
