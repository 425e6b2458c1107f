import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from heads import plan_of, record_of, stacked

from tlrun.core.problem import Problem
from tlrun.core.task import Task
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model, state
from tlrun.runs.divergence import diverged, one_answer
from tlrun.runs.final_evaluation import evaluate_test
from tlrun.runs.has_diverged import FAR
from tlrun.runs.plan import THIS
from tlrun.strategies.base import Stage
from tlrun.strategies.schedules import Constant

from problems import SPEC, Watcher, config, performed, planned, problem
from properties import assert_same_bits

BOTH = Stage("target", ("source", "target"), 1, lam=Constant(1.0))
NOBODY = Stage("target", (), 1, lam=Constant(1.0))


def judged(ours: Problem, model: Model, stage: Stage = BOTH, **losses: float) -> Any:
    """What is told of a model. losses: of the target's task on the test, instead of its own."""
    result, predictions = evaluate_test(ours, [stage], 8, model)
    result["metrics"]["test"]["target/ours"] |= losses
    return diverged(ours, stage, model, result, predictions)


def drawn(ours: Problem, head: float = 1.0) -> Model:
    """A model whose head is so many times as large as it is drawn."""
    model = draw_model(Mlp(), SPEC, ours.tasks_by_domain, "target", 0)
    with torch.no_grad():
        for parameter in model.heads.parameters():
            parameter.mul_(head)
    return model


@pytest.mark.parametrize(("head", "far"), [(0.0, False), (1.0, False), (3.0, False), (1e3, True)])
def test_a_run_has_diverged_where_test_and_training_are_far(head: float, far: bool) -> None:
    ours = problem()
    model = drawn(ours, head)
    before = state(model)
    told = judged(ours, model)

    assert (told is not None) == far
    assert_same_bits(before, state(model))
    if told is not None:
        assert told["task"] == "target/ours"
        assert told["loss"] > FAR * told["constant"] >= FAR * math.log(3)


def test_a_test_loss_alone_is_none() -> None:
    """Labels learnt by heart, or a source unlike its target; nor of a run that trained nothing."""
    ours = problem()

    assert judged(ours, drawn(ours), loss=1e30) is None
    assert judged(ours, drawn(ours, 1e6), stage=NOBODY) is None
    assert judged(ours, drawn(ours, 1e6), loss=1.0) is None


def test_a_training_loss_alone_is_none() -> None:
    """Of a source in other units than the target, which the target's scale makes huge."""
    ours = problem()
    target = replace(BOTH, domains=("source",))

    assert judged(ours, drawn(ours, 1e6), stage=target, loss=2.0) is None


@pytest.mark.parametrize("seed", range(5))
def test_one_answer_is_that_of_the_frequencies_or_of_none(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for kind, classes in (("binary", ("no", "yes")), ("multiclass", ("a", "b", "c"))):
        task = Task("t", kind, classes)  # type: ignore[arg-type]
        k = len(classes)
        train, test = (rng.choice(k, 40, p=[0.9, *[0.1 / (k - 1)] * (k - 1)]) for _ in range(2))
        train[:5] = test[:9] = -1
        chances = (np.bincount(train[5:], minlength=k) + 1) / (35 + k)
        expected = max(-np.log(chances[test[9:]]).mean(), math.log(k))
        assert one_answer(task, train, test) == pytest.approx(expected)
        assert one_answer(task, train[:5], test) == pytest.approx(math.log(k))
        assert one_answer(task, train, test[:9]) == pytest.approx(math.log(k))


def test_an_outlier_among_the_numbers_is_not_the_runs_fault() -> None:
    task = Task("t", "regression", location=5.0, scale=2.0)
    train = np.array([3.0, 7.0, np.nan], dtype=np.float32)

    assert one_answer(task, train, np.array([5.0, np.nan])) == 1.0
    assert one_answer(task, train, np.array([5.0, 2005.0])) == pytest.approx(1e6 / 2)
    assert one_answer(task, train[2:], np.array([2005.0])) == 1.0


RATE = {"optimizer": {"name": "sgd", "lr": 1000.0}}
ONE = {"trainer": {"name": "trainer", "steps": 1, "batch_size": 16}}
CASES: dict[str, dict[str, Any]] = {
    "the last update alone": {"strategy": {"name": "scratch"}},
    "one of three tasks": {
        "dataset": {"name": "digits_tasks"}, "strategy": {"name": "shared_parameters"},
    },
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_rate_that_is_too_large_is_told_and_changes_no_result(tmp_path: Path, case: str) -> None:
    path = performed(
        planned(config(tmp_path, **ONE, **RATE, **CASES[case]), Watcher()), THIS, Watcher()
    )
    record = json.loads((path.path / "run.json").read_text())
    told = record["diverged"]

    assert record["status"] == "finished"
    assert path.diverged
    assert "try a smaller optimizer.lr" in path.how_far
    assert told["loss"] > FAR * told["constant"]
    assert path.result["metrics"]["test"][told["task"]]["loss"] == told["loss"]
    assert "diverged" not in path.result


@pytest.mark.parametrize("strategy", ["scratch", "parameter_transfer", "source_only"])
@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("steps", [1, 200])
def test_an_ordinary_run_has_not(tmp_path: Path, strategy: str, norm: str, steps: int) -> None:
    """Hardly trained, or a few labels learnt by heart."""
    done = performed(
        planned(
            config(
                tmp_path,
                dataset={"name": "digits", "labels_per_class": 2},
                strategy={"name": strategy},
                backbone={"name": "mlp", "hidden": [16], "norm": norm},
                optimizer={"name": "adam", "lr": 0.02},
                trainer={"name": "trainer", "steps": steps, "batch_size": 16, "eval_every": steps},
            ),
            Watcher(),
        ),
        THIS,
        Watcher(),
    )

    assert json.loads((done.path / "run.json").read_text())["diverged"] is None
    assert not done.diverged


def test_of_folds_one_that_has_diverged_is_enough(tmp_path: Path) -> None:
    rows = "\n".join(f"{k % 7},{k % 3},{'yn'[k % 2]}" for k in range(60))
    (tmp_path / "t.csv").write_text(f"a,b,y\n{rows}")
    table = {"name": "table_csv", "path": str(tmp_path / "t.csv"), "test_folds": 3}
    table |= {"duplicates": "keep"}
    for rate, far in ((1000.0, True), (0.01, False)):
        changes = {**ONE, "dataset": table, "strategy": {"name": "single_task"}}
        changes["optimizer"] = {"name": "sgd", "lr": rate}
        plan = planned(config(tmp_path / f"{rate}", **changes), Watcher())
        assert performed(plan, THIS, Watcher()).diverged == far


def test_both_engines_tell_the_same(tmp_path: Path) -> None:
    changes: dict[str, Any] = {**ONE, "optimizer": {"name": "sgd", "lr": 1000.0}}
    plans = [
        plan_of(tmp_path, 1.0, **changes),
        plan_of(tmp_path, 2.0, **changes | {"optimizer": {"name": "sgd", "lr": 0.1}}),
    ]
    stacked(plans)
    far, ordinary = (record_of(plan.run_dir.path) for plan in plans)
    alone = performed(plan_of(tmp_path / "alone", 1.0, **changes), THIS, Watcher())

    assert ordinary["diverged"] is None
    assert far["diverged"]["task"] == record_of(alone.path)["diverged"]["task"]
    assert far["diverged"]["loss"] == pytest.approx(
        record_of(alone.path)["diverged"]["loss"], rel=1e-4
    )
