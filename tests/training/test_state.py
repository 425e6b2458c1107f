"""A stage that was stopped and taken up again ends as one that was not, to the bit."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from tlrun.core.seeding import drawing_from
from tlrun.data.batches import Batches
from tlrun.models.backbone import Backbone
from tlrun.models.backbones.conv import Conv
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model, restore, state
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
from properties import assert_same_bits

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


@pytest.mark.parametrize("after", STOPS)
@pytest.mark.parametrize("name", CASES)
def test_taken_up_in_a_new_process_it_ends_with_the_same_bits(name: str, after: int) -> None:
    """Everything is built anew, and filled with what was saved after the step."""
    case = CASES[name]
    whole, rows = unbroken(name)
    _, _, _, before = stopped(case, after)
    weights, saved = before.saved

    stage, model, train_state = case.begun()
    restore(model, weights)
    train_state.load_state_dict(saved)
    rest = Rows()
    torch.manual_seed(99)  # wherever the generators stand now
    case.train(stage, model, train_state, rest)

    assert_same_bits(state(model), state(whole))
    assert before.terms + rest.terms == rows.terms
    assert before.rows + rest.rows == rows.rows
    assert all(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize("after", [3, 4])
@pytest.mark.parametrize("name", CASES)
def test_taken_up_with_the_same_state_and_model_it_ends_with_the_same_bits(
    name: str, after: int
) -> None:
    case = CASES[name]
    whole, rows = unbroken(name)
    stage, model, train_state, before = stopped(case, after)
    rest = Rows()
    torch.manual_seed(99)
    case.train(stage, model, train_state, rest)

    assert_same_bits(state(model), state(whole))
    assert before.terms + rest.terms == rows.terms
    assert before.rows + rest.rows == rows.rows


def test_what_was_saved_is_a_copy_and_taking_it_up_leaves_it_as_it_was() -> None:
    """It can be written while the stage goes on, and read twice."""
    case = CASES["dropout, best"]
    stage, model, train_state, before = stopped(case, 5)
    _, saved = before.saved
    kept = repr(saved)
    case.train(stage, model, train_state, Rows())  # goes on with the tensors themselves
    assert repr(saved) == kept

    stage, model, train_state = case.begun()
    train_state.load_state_dict(saved)
    case.train(stage, model, train_state, Rows())
    assert repr(saved) == kept


def test_what_was_saved_is_plain() -> None:
    """Tensors on the CPU, numbers and None, in dicts, lists and tuples: nothing to be unpickled."""

    def leaves(value: object) -> list[object]:
        if isinstance(value, dict):
            assert all(type(key) in (str, int) for key in value)
            return [leaf for item in value.values() for leaf in leaves(item)]
        if isinstance(value, list | tuple):
            return [leaf for item in value for leaf in leaves(item)]
        return [value]

    for case in CASES.values():
        found = leaves(stopped(case, 5)[3].saved[1])
        tensors = [leaf for leaf in found if isinstance(leaf, Tensor)]

        assert {type(leaf) for leaf in found} <= {Tensor, int, float, bool, type(None)}
        assert all(t.device.type == "cpu" and not t.requires_grad for t in tensors)


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("step", "adam"),
        ("updates", "adam"),
        ("updates", "adamw, linear"),
        ("positions", "adam"),
        ("generators", "dropout"),
        ("best_loss", "best"),
        ("best_weights", "best"),
        ("best_loss", "best of each task"),
        ("best_weights", "best of each task"),
    ],
)
def test_every_part_of_the_state_decides_how_a_stage_ends(part: str, name: str) -> None:
    """So none of them may be lost: here it is, and the stage ends elsewhere."""
    case = CASES[name]
    whole, _ = unbroken(name)
    weights, saved = stopped(case, 9)[3].saved
    stage, model, train_state = case.begun()
    restore(model, weights)
    train_state.load_state_dict(saved | {part: train_state.state_dict()[part]})
    case.train(stage, model, train_state, Rows())

    ended = state(model)
    assert any(not torch.equal(tensor, ended[key]) for key, tensor in state(whole).items())


def test_a_part_of_a_model_that_shares_its_weights_cannot_be_chosen_for_itself() -> None:
    _, model, train_state = CASES["best"].begun()
    with pytest.raises(ValueError, match="expected a φ for each task, found one for all"):
        train_state.keep_if_best({"source/ours": 0.1, "target/ours": 0.2}, model)


def test_on_a_phi_that_is_held_fixed_each_head_can_be_chosen_for_itself() -> None:
    ours = problem(val=True)
    (stage,) = SingleTask(train="head").stages(ours, Constant(1.0), STEPS)
    tasks = ours.tasks_by_domain
    model = draw_model(Mlp((6,)), ours.inputs, tasks, stage.init, 0, stage.task_specific)
    batches = {name: Batches(ours.domains[name].train, name, 8, 0) for name in stage.domains}
    train_state = TrainState.begin(stage, model, Sgd(), batches)
    train_state.keep_if_best({"source/ours": 0.1}, model)

    assert set(train_state.best_weights) == {"heads.source/ours.weight", "heads.source/ours.bias"}
    model.free("all")
    with pytest.raises(ValueError, match="expected a φ for each task, found one for all"):
        train_state.keep_if_best({"source/ours": 0.05}, model)
