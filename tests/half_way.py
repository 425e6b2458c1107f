"""Stages that are stopped half-way, and how they end where they are not."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, ClassVar

import pytest
from torch import Tensor, nn

from tlrun.core.seeding import drawing_from
from tlrun.data.batches import Batches
from tlrun.models.backbone import Backbone
from tlrun.models.backbones.conv import Conv
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model, state
from tlrun.strategies.base import Stage, Strategy
from tlrun.strategies.feature_transfer import FeatureTransfer
from tlrun.strategies.parameter_transfer import ParameterTransfer
from tlrun.strategies.schedules import Constant
from tlrun.strategies.single_task import SingleTask
from tlrun.strategies.task_relation import TaskRelation
from tlrun.strategies.task_transfer import TaskTransfer
from tlrun.training.loop import fit
from tlrun.training.optimizers import Adam, Adamw, Optimizer, Sgd
from tlrun.training.options import TrainerOptions
from tlrun.training.state import TrainState

from problems import Rows, problem

STEPS = 12
LAST = TrainerOptions(steps=STEPS, batch_size=8, eval_every=4)
BEST = replace(LAST, select="best")
# at once, before and after an evaluation, and with one update or none left
STOPS = (1, 3, 4, STEPS - 1, STEPS)


@dataclass(frozen=True)
class Dropping:
    """φ(x) = dropout(relu(W x)), which draws random numbers while it trains."""

    learns: ClassVar[bool] = True

    def width(self, shape: tuple[int, ...]) -> int:
        return 10

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        layer = nn.Linear(math.prod(shape), 10)
        return nn.Sequential(nn.Flatten(), layer, nn.ReLU(), nn.Dropout(0.5))


class Stopped(Exception):
    pass


@dataclass
class Stopping(Rows):
    """A recorder that stops the stage after some step, and keeps what could be saved there."""

    after: int = STEPS + 1
    saved: tuple[dict[str, Tensor], dict[str, Any]] = field(default_factory=lambda: ({}, {}))
    model: Model | None = None

    def step(self, train_state: TrainState, terms: Mapping[str, float]) -> None:
        super().step(train_state, terms)
        if train_state.step == self.after:
            assert self.model is not None
            self.saved = state(self.model), train_state.state_dict()
            raise Stopped


@dataclass(frozen=True)
class Case:
    """A stage of a strategy, and how it is trained. It starts from fresh weights."""

    strategy: Strategy = ParameterTransfer()  # noqa: RUF009  # frozen
    backbone: Backbone = Mlp((6,))  # noqa: RUF009
    optimizer: Optimizer = Adam(lr=0.01)  # noqa: RUF009
    trainer: TrainerOptions = LAST

    def begun(self) -> tuple[Stage, Model, TrainState]:
        ours = problem(val=True)
        stage = self.strategy.stages(ours, Constant(0.7), STEPS)[-1]
        model = draw_model(
            self.backbone, ours.inputs, ours.tasks_by_domain, "target", 0, stage.task_specific
        )
        self.strategy.add_buffers(model)
        # elsewhere than at their first example, as after a stage before
        batches = {
            name: Batches(ours.domains[name].train, name, 8, seed=0, position=3)
            for name in stage.domains
        }
        with drawing_from(1):
            return stage, model, TrainState.begin(stage, model, self.optimizer, batches)

    def train(self, stage: Stage, model: Model, train_state: TrainState, recorder: Rows) -> None:
        domains = problem(val=True).domains
        fit(stage, model, domains, self.strategy, self.trainer, train_state, recorder)


CASES = {
    "adam": Case(),
    "adamw, linear": Case(optimizer=Adamw(lr=0.01, schedule="linear")),
    "sgd with momentum, cosine": Case(optimizer=Sgd(momentum=0.9, schedule="cosine")),
    "nesterov": Case(optimizer=Sgd(nesterov=True)),
    "dropout": Case(backbone=Dropping()),
    "dropout, best": Case(backbone=Dropping(), optimizer=Adam(lr=0.3), trainer=BEST),
    "batchnorm": Case(backbone=Conv((4,), "batch")),
    "frozen": Case(FeatureTransfer(), Conv((4,), "batch")),
    "learnt in closed form": Case(TaskRelation("covariance")),
    "projected": Case(TaskTransfer(mu=0.001)),
    "best": Case(optimizer=Sgd(lr=0.5), trainer=BEST),
    "best of each task": Case(SingleTask(), Mlp((6,), "batch"), Sgd(lr=0.5), BEST),
}


@cache
def unbroken(name: str) -> tuple[Model, Rows]:
    """How a case ends that is never stopped; the tests only read it."""
    case = CASES[name]
    stage, model, train_state = case.begun()
    rows = Rows()
    case.train(stage, model, train_state, rows)
    return model, rows


def stopped(case: Case, after: int) -> tuple[Stage, Model, TrainState, Stopping]:
    stage, model, train_state = case.begun()
    recorder = Stopping(after=after, model=model)
    with pytest.raises(Stopped):
        case.train(stage, model, train_state, recorder)
    assert train_state.step == after
    return stage, model, train_state, recorder
