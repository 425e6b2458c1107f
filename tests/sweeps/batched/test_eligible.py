from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from heads import lam, plan_of

from tlrun.core.objective import Lam, Objective, Steps
from tlrun.models.model import Model
from tlrun.strategies.feature_transfer import FeatureTransfer
from tlrun.sweeps.batched.eligible import family_key, stack_key
from tlrun.training.optimizers import Adam

TRAINER = {"name": "trainer", "steps": 6, "batch_size": 16, "eval_every": 4}
IDENTITY: dict[str, Any] = {"backbone": {"name": "identity"}}


@pytest.mark.parametrize(
    "changes",
    [
        {"lam": lam(7.0)},
        {"lam": {"name": "cosine", "value": 3.0, "start": 1.0}},
        {"seed": 5},
        {"optimizer": {"name": "adam", "lr": 0.5}},
        {"optimizer": {"name": "adam", "lr": 0.003, "weight_decay": 0.1}},
        {"dataset": {"name": "digits", "labels_per_class": 9}},
    ],
)
def test_runs_that_differ_in_these_alone_are_trained_together(
    tmp_path: Path, changes: Mapping[str, Any]
) -> None:
    one, other = plan_of(tmp_path), plan_of(tmp_path, **changes)

    assert stack_key(one) == stack_key(other) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"lam": lam(float("inf"))},  # which draws other domains
        {"optimizer": {"name": "sgd", "lr": 0.003}},
        {"optimizer": {"name": "adam", "lr": 0.003, "schedule": "cosine"}},
        {"trainer": {**TRAINER, "steps": 7}},
        {"trainer": {**TRAINER, "batch_size": 8}},
        {"backbone": {"name": "mlp", "hidden": [8]}},
        {"dataset": {"name": "digits", "shift": "inverted"}},
        {"strategy": {"name": "parameter_transfer", "train": "head"}},
        IDENTITY,
    ],
)
def test_runs_that_differ_in_anything_else_are_not(
    tmp_path: Path, changes: Mapping[str, Any]
) -> None:
    one, other = plan_of(tmp_path), plan_of(tmp_path, **changes)

    assert stack_key(other) is not None
    assert stack_key(one) != stack_key(other)


@pytest.mark.parametrize(
    "changes",
    [
        {"sweep": {"jobs": None, "engine": "loop"}},
        {"threads": 2},
        {"trainer": {**TRAINER, "precision": "bf16"}},
        {"trainer": {**TRAINER, "cache_features": False}},
        {"strategy": {"name": "feature_transfer", "train": "all"}},
        {"strategy": {"name": "feature_transfer", "train": "last"}},
        {"strategy": {"name": "parameter_transfer"}},
        {"strategy": {"name": "scratch"}},
        {"strategy": {"name": "source_only"}, **IDENTITY},  # others start from its stage
        {"strategy": {"name": "linear_model"}},
        {
            "strategy": {"name": "task_relation", "train": "head"},
            "dataset": {"name": "digits_domains"},
        },
        {
            "strategy": {"name": "single_task", "train": "head"},
            "dataset": {"name": "digits_domains"},
        },
    ],
)
def test_runs_that_train_more_than_heads_or_mind_companions_are_trained_alone(
    tmp_path: Path, changes: Mapping[str, Any]
) -> None:
    assert stack_key(plan_of(tmp_path, **changes)) is None


def test_heads_on_the_inputs_themselves_need_no_features(tmp_path: Path) -> None:
    for strategy in ("scratch", "joint", "parameter_transfer"):
        assert stack_key(plan_of(tmp_path, strategy={"name": strategy}, **IDENTITY)) is not None


@dataclass(frozen=True)
class Penalised(FeatureTransfer):
    """An equation that replaces the one of which more was said."""

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """With a penalty on the heads."""
        plain = super().objective(steps, model, lam)
        norm = sum(p.square().sum() for p in model.heads.parameters())
        return Objective(plain.total + norm, plain.terms)


@dataclass(frozen=True)
class Surgical(FeatureTransfer):
    """Gradients of its own."""

    def backward(self, objective: Objective, model: Model) -> None:
        """Nothing is written."""


@dataclass(frozen=True)
class Said(Penalised):
    """It says so of an objective that its parent has defined."""

    of_losses: ClassVar[bool] = True


@pytest.mark.parametrize("strategy", [Penalised(), Surgical(), Said()])
def test_what_is_said_of_an_equation_does_not_hold_for_one_that_replaces_it(
    tmp_path: Path, strategy: FeatureTransfer
) -> None:
    plan = plan_of(tmp_path)
    last = replace(plan.stages[-1], strategy=strategy)

    assert stack_key(plan) is not None
    assert stack_key(replace(plan, folds=[[*plan.stages[:-1], last]])) is None


def test_an_optimizer_of_a_stranger_is_not_stacked(tmp_path: Path) -> None:
    class Mine(Adam):
        pass

    plan = plan_of(tmp_path)

    assert stack_key(replace(plan, run=replace(plan.run, optimizer=Mine()))) is None


def test_a_family_is_of_one_seed_and_one_source(tmp_path: Path) -> None:
    one = plan_of(tmp_path)
    same = [
        plan_of(tmp_path, 7.0),
        plan_of(tmp_path, float("inf")),
    ]
    others = [
        plan_of(tmp_path, seed=1),
        plan_of(tmp_path, dataset={"name": "digits", "labels_per_class": 9}),
        plan_of(tmp_path, optimizer={"name": "adam", "lr": 0.5}),  # its source has that rate too
    ]

    assert {family_key(plan) for plan in same} == {family_key(one)}
    assert family_key(one) not in {family_key(plan) for plan in others}
