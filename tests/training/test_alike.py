"""Stages of more heads than stay where they are in memory: as one leaf, and as parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from tlrun.core.objective import Objective
from tlrun.core.problem import Problem
from tlrun.core.task import Task
from tlrun.data.batches import Batches
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model, restore, state
from tlrun.strategies.base import Strategy
from tlrun.strategies.schedules import Constant
from tlrun.strategies.shared_parameters import SharedParameters
from tlrun.strategies.task_relation import TaskRelation
from tlrun.training.alike import Blocks
from tlrun.training.in_a_row import FEW
from tlrun.training.loop import fit
from tlrun.training.optimizers import Adam, Adamw, Optimizer, Sgd, Updates
from tlrun.training.options import TrainerOptions
from tlrun.training.state import TrainState

from problems import Rows, hidden, split, with_tasks
from properties import assert_same_bits

STEPS, MANY = 12, FEW + 2
THREE = ("a", "b", "c")
NAMES = [f"t{k}" for k in range(MANY)]
PLAIN = TrainerOptions(steps=STEPS, batch_size=8, eval_every=3)


def validated(ours: Problem) -> Problem:
    """With validation examples in every domain."""
    domains = {}
    for k, (name, domain) in enumerate(ours.domains.items()):
        domains[name] = replace(domain, val=split(50 + k, 9, domain.tasks))
    return replace(ours, domains=domains)


def without_labels(ours: Problem, task: int, every: int) -> Problem:
    """Of one task of the only domain one label in `every` is missing."""
    ((name, domain),) = ours.domains.items()
    train = hidden(domain.train, domain.tasks[task], every)
    return replace(ours, domains={name: replace(domain, train=train)})


ONE = validated(with_tasks(d=[Task(name, "multiclass", THREE) for name in NAMES]))
PROBLEMS = {
    "one domain": ONE,
    "a domain each": validated(
        with_tasks(**{name: [Task("t", "multiclass", THREE)] for name in NAMES})
    ),
    "numbers and classes": validated(
        with_tasks(
            d=[
                *(Task(f"r{name}", "regression") for name in NAMES),
                *(Task(f"b{name}", "binary", ("a", "b")) for name in NAMES[:4]),
            ]
        )
    ),
    "a rare label": without_labels(ONE, 2, 2),
    "a task without labels": without_labels(ONE, 2, 1),
}


class _Backward:
    """A backward of its own, which is the default: so no leaf is used."""

    def backward(self, objective: Objective, model: Model) -> None:
        assert isinstance(objective.total, Tensor)
        objective.total.backward()  # type: ignore[no-untyped-call]


class Own(_Backward, SharedParameters):
    pass


class OwnRelation(_Backward, TaskRelation):
    pass


class Stopped(Exception):
    pass


@dataclass
class Watching(Rows):
    """Keeps the weights of every evaluation; stops after some step, with what could be saved."""

    model: Model | None = None
    after: int = STEPS + 1
    weights: list[dict[str, Tensor]] = field(default_factory=list)
    saved: tuple[dict[str, Tensor], dict[str, Any]] = field(default_factory=lambda: ({}, {}))

    def log(self, row: Mapping[str, object]) -> None:
        super().log(row)
        assert self.model is not None
        self.weights.append(state(self.model))

    def step(self, train_state: TrainState, terms: Mapping[str, float]) -> None:
        super().step(train_state, terms)
        if train_state.step == self.after:
            assert self.model is not None
            self.saved = state(self.model), train_state.state_dict()
            raise Stopped


def trained(
    ours: Problem,
    strategy: Strategy,
    optimizer: Optimizer,
    trainer: TrainerOptions = PLAIN,
    after: int = STEPS + 1,
    saved: tuple[dict[str, Tensor], dict[str, Any]] | None = None,
) -> tuple[Model, Watching]:
    """A stage from fresh weights, or from what was saved."""
    stage = strategy.stages(ours, Constant(0.5), STEPS)[-1]
    model = draw_model(
        Mlp((6,)), ours.inputs, ours.tasks_by_domain, "target", 0, stage.task_specific
    )
    strategy.add_buffers(model)
    batches = {name: Batches(ours.domains[name].train, name, 8, seed=0) for name in stage.domains}
    train_state = TrainState.begin(stage, model, optimizer, batches)
    assert train_state.updates.leaves()
    if saved is not None:
        restore(model, saved[0])
        train_state.load_state_dict(saved[1])
    recorder = Watching(model=model, after=after)
    if after <= STEPS:
        with pytest.raises(Stopped):
            fit(stage, model, ours.domains, strategy, trainer, train_state, recorder)
    else:
        fit(stage, model, ours.domains, strategy, trainer, train_state, recorder)
    return model, recorder


OPTIMIZERS = [Adam(lr=0.01, weight_decay=0.1), Adamw(lr=0.01, weight_decay=0.1), Sgd(lr=0.05)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_a_stage_on_the_leaf_is_that_on_the_parameters(name: str, optimizer: Optimizer) -> None:
    ours = PROBLEMS[name]
    pairs: list[tuple[Strategy, Strategy]] = [(SharedParameters(), Own())]
    if name == "a domain each":
        pairs.append((TaskRelation("covariance"), OwnRelation("covariance")))
    for one, other in pairs:
        (model, rows), (plain, expected) = (trained(ours, each, optimizer) for each in (one, other))
        for key, tensor in state(plain).items():
            torch.testing.assert_close(state(model)[key], tensor, rtol=1e-4, atol=1e-5)
        for mine, theirs in zip(rows.terms, expected.terms, strict=True):
            assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-5)


def test_a_head_that_no_label_reaches_stays_as_it_is_weight_decay_or_not() -> None:
    ours = PROBLEMS["a task without labels"]
    fresh = draw_model(Mlp((6,)), ours.inputs, ours.tasks_by_domain, "target", 0, "heads")
    for optimizer in OPTIMIZERS:
        model, _ = trained(ours, SharedParameters(), optimizer)
        for name, tensor in state(fresh).items():
            same = torch.equal(state(model)[name], tensor)
            assert same == name.startswith("heads.d/t2."), name


@cache
def unbroken(name: str) -> tuple[Model, Watching]:
    """A stage that is never stopped; tests only read it."""
    return trained(PROBLEMS[name], SharedParameters(), Adam(lr=0.01), replace(PLAIN, select="best"))


@pytest.mark.parametrize("after", [1, 3, 5, STEPS])
@pytest.mark.parametrize("name", PROBLEMS)
def test_taken_up_again_it_ends_with_the_same_bits(name: str, after: int) -> None:
    whole, rows = unbroken(name)
    best = replace(PLAIN, select="best")
    _, before = trained(PROBLEMS[name], SharedParameters(), Adam(lr=0.01), best, after)
    model, rest = trained(
        PROBLEMS[name], SharedParameters(), Adam(lr=0.01), best, saved=before.saved
    )
    assert_same_bits(state(model), state(whole))
    assert before.terms + rest.terms == rows.terms


@pytest.mark.parametrize("name", ["one domain", "a domain each"])
def test_the_best_weights_are_those_of_their_step(name: str) -> None:
    best = replace(PLAIN, select="best")
    model, rows = trained(PROBLEMS[name], SharedParameters(), Sgd(lr=1.0), best)
    losses = [sum(scores["loss"] for scores in row["val"].values()) for row in rows.rows]
    place = losses.index(min(losses))
    assert place < len(losses) - 1  # or it would be the last weights anyhow
    assert_same_bits(state(model), rows.weights[place])


def test_a_block_takes_a_leaf_only_where_it_is_of_all_its_tasks() -> None:
    for name, expected in (
        ("one domain", [True]),
        ("a domain each", [True]),
        ("numbers and classes", [False, False]),  # numbers and logits of one width lie in one row
        ("a task without labels", [False, False]),
    ):
        ours = PROBLEMS[name]
        model = draw_model(Mlp((6,)), ours.inputs, ours.tasks_by_domain, "target", 0, "heads")
        every = list(model.parameters())
        leaves = Updates(Adam(), every, STEPS, every).leaves()
        shares = {
            domain: Batches(each.train, domain, 8, 0).shares
            for domain, each in ours.domains.items()
        }
        blocks = Blocks(model, ours.domains, shares, leaves).all()
        assert [block.W is not None for block in blocks] == expected
        assert [block.b is not None for block in blocks] == expected
        covered = [key for block in blocks for key in block.keys]
        assert len(covered) == len(set(covered)) == len(model.head_keys)
