import json
from pathlib import Path

import numpy as np
import pytest

from tlrun.report.study.multitask import alone_of, heads_apart, matrices, task_tables, tasks_up

from made_runs import off_by, put_run, right_on
from made_studies import arm_of, only, parts_of, runs_of

CONTROLS = {"single_task": "single_task"}
WAYS = {"single_task": 0.5, "task_relation": 0.7, "task_transfer": 0.4}


def put_tasks(path: Path, keys: tuple[str, ...], rows: int = 200) -> None:
    """Two ways of learning tasks together, a better and a worse one, and each task alone."""
    for strategy, share in WAYS.items():
        for seed in range(6):
            rng = np.random.default_rng([seed, *strategy.encode()])
            tasks = {key: right_on(rng.random(rows) < share) for key in keys}
            lam = None if strategy == "single_task" else 1.0
            put_run(path, strategy, seed, tasks, controls=CONTROLS, lam=lam)


def put_mixed(path: Path) -> None:
    """A task with classes and one of a number, in another domain: no score in common."""
    for strategy, share in WAYS.items():
        for seed in range(6):
            rng = np.random.default_rng([seed, *strategy.encode()])
            made = off_by(rng.normal(size=90) * (1 - share))
            tasks = {"a/kind": right_on(rng.random(200) < share), "b/price": made}
            put_run(path, strategy, seed, tasks, controls=CONTROLS)


@pytest.mark.parametrize(
    ("keys", "names"),
    [
        (("d/a", "d/b", "d/c"), ("a", "b", "c")),
        (("d/a", "e/a"), ("d", "e")),
        (("d/a", "e/b"), ("d/a", "e/b")),
    ],
)
def test_gains_of_tasks_have_the_gain_of_the_headline_for_their_mean(
    tmp_path: Path, keys: tuple[str, ...], names: tuple[str, ...]
) -> None:
    put_tasks(tmp_path, keys)
    study = only(tmp_path)
    (table,) = study.tasks

    assert table.tasks == names
    assert len(table.rows) == 2
    for row in table.rows:
        (gain,) = arm_of(study, row.label).gains
        assert np.mean([figure.value for figure in row.gains]) == pytest.approx(gain.figure.value)
        assert all(figure.low is not None and figure.n == 6 for figure in row.gains)
        assert np.sign(row.delta_m.value or 0) == np.sign(gain.figure.value or 0)
    assert (arm_of(study, "task_relation").word, arm_of(study, "task_transfer").word) == (
        "HELPS", "HURTS",
    )  # fmt: skip
    assert study.question.startswith("Does learning the tasks of made together help")


def test_tasks_without_a_score_in_common_have_gains_one_by_one(tmp_path: Path) -> None:
    put_mixed(tmp_path)
    study = only(tmp_path)
    (table,) = study.tasks
    by_label = {row.label: row for row in table.rows}

    assert study.verdict.startswith("No verdict: the tasks have no score in common")
    assert {arm.word for arm in study.arms} == {""}
    assert {arm.score.text for arm in study.arms} == {"–"}
    assert {row.delta_m.text for row in table.rows} == {"–"}
    assert all((figure.value or 0) > 0 for figure in by_label["task_relation"].gains)
    assert all((figure.value or 0) < 0 for figure in by_label["task_transfer"].gains)
    assert set(study.more) == {
        "task relation: 2 of 2 tasks up over learning each task alone.",
        "task transfer: 0 of 2 tasks up over learning each task alone.",
    }


def test_one_task_has_no_table_and_nor_have_arms_without_the_control(tmp_path: Path) -> None:
    put_tasks(tmp_path / "one", ("d/a",))
    put_run(
        tmp_path / "other", "joint", 0, {k: right_on(np.ones(20, bool)) for k in ("d/a", "d/b")}
    )
    for path in ("one", "other"):
        parts = parts_of(tmp_path / path)
        assert task_tables(parts.series, parts.evidence) == []
    assert tasks_up(parts_of(tmp_path / "other").series[0]) == ""


def test_the_control_of_the_whole_budget_goes_before(tmp_path: Path) -> None:
    controls = {"single_task": "single_task", "single_task, total budget": "single_task total=1"}
    right = np.ones(20, bool)
    put_run(tmp_path, "single_task", 0, right, controls=controls)
    put_run(tmp_path, "single_task", 0, right, controls=controls, options={"total": 1})
    put_run(tmp_path, "joint", 0, right, controls=controls)
    alone = alone_of(parts_of(tmp_path).of("joint"))

    assert alone is not None
    assert alone[0].setting == "single_task total=1"


def test_what_was_learnt_is_the_mean_over_seeds(tmp_path: Path) -> None:
    for seed in range(3):
        path = put_run(tmp_path, "task_relation", seed, np.ones(20, bool), lam=1.0)
        result = json.loads((path / "result.json").read_text())
        matrix = [[1.0, seed], [-seed, 1.0]]
        result["relation"] = {"name": "Ω", "meaning": "how", "tasks": ["a", "b"], "matrix": matrix}
        result["disagreement"] = seed / 10
        (path / "result.json").write_text(json.dumps(result))
    series = parts_of(tmp_path).series
    (matrix_,) = matrices(series)
    ((name, said),) = heads_apart(series)

    assert matrix_.entries == ((1.0, 1.0), (-1.0, 1.0))
    assert matrix_.names == ("a", "b")
    assert matrix_.title == "task_relation, λ=1: Ω, how, mean of 3 seeds"
    assert name == "heads apart, task_relation, λ=1"
    assert said.startswith("10.0 % ")


def test_nothing_is_learnt_where_a_seed_has_not(tmp_path: Path) -> None:
    put_tasks(tmp_path, ("d/a", "d/b"))
    series = parts_of(tmp_path).series

    assert list(matrices(series)) == []
    assert list(heads_apart(series)) == []
    assert runs_of(tmp_path, "single_task")
