"""The weights of the equations, each at two places, and the gradients there.

They are taken where nothing is special (weights moved at random, B given), in float64.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from tlrun.core.objective import Lam, Steps
from tlrun.core.problem import Problem
from tlrun.data.batches import Batch, as_batch, labelled
from tlrun.models.backbone import Backbone
from tlrun.models.backbones.identity import Identity
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.models.model import Model
from tlrun.strategies.base import Stage, Strategy
from tlrun.strategies.feature_transfer import FeatureTransfer
from tlrun.strategies.fused import Fused
from tlrun.strategies.joint import Joint
from tlrun.strategies.parameter_transfer import ParameterTransfer
from tlrun.strategies.schedules import Constant
from tlrun.strategies.shared_parameters import SharedParameters
from tlrun.strategies.structure_transfer import StructureTransfer
from tlrun.strategies.task_relation import TaskRelation
from tlrun.strategies.task_transfer import TaskTransfer
from tlrun.training.forward import forward

from problems import peers, problem, questions

PHI, PLAIN = Mlp(hidden=(6,)), Identity()
TWO, SPLIT = problem(), problem("split")
PEERS, SOURCES = peers("peer", "peer", "peer"), peers("source", "source", "target")
ALIKE, MIXED = questions("binary", "binary", "binary"), questions("multiclass", "regression")
TEACHERS = ((0.0, 0.4, 0.0), (0.3, 0.0, 0.0), (0.2, 0.1, 0.0))  # B: the third task teaches nobody
CHAIN = ((0.0, 1.0, 0.0), (1.0, 0.0, 0.5), (0.0, 0.5, 0.0))
STRONGER = ((0.0, 1.0, 0.0), (1.0, 0.0, 2.0), (0.0, 2.0, 0.0))
APART = ((0.0, 2.0, 0.0), (2.0, 0.0, 0.0), (0.0, 0.0, 0.0))
EVERY, HEADS, WEIGHTS, TRUNKS = ["*"], ["heads.*"], ["heads.*.weight"], ["trunks.*"]
Gradient = Mapping[str, Tensor]


def gradient(
    strategy: Strategy, lam: float, ours: Problem, phi: Backbone = PHI, number: int = -1
) -> Gradient:
    """The gradient of the total of a stage at λ, by parameter; 0 where none flows.

    number: of the stage; the first of `fused` has a λ of its own.
    """
    stage = strategy.stages(ours, Constant(1.0), 5)[number]
    by = stage.by or strategy
    model = _model(stage, by, ours, phi)
    model.free(stage.trained)
    if isinstance(by, TaskTransfer) and by.transfer == "born_again":
        model.teacher = (_model(stage, by, ours, phi, chance=1).requires_grad_(False),)
    if isinstance(by, TaskTransfer) and by.transfer == "asymmetric":
        model.update_buffers({"B": torch.tensor(TEACHERS, dtype=torch.float64)})
    at = Lam(lam) if number == -1 else stage.lam.at(0.5)
    by.backward(by.objective(_steps(stage, ours, model), model, at), model)
    return {
        # a head is the same whether it is the task's of a domain, or the task's
        name.replace("images/", "").replace("*/", ""): torch.zeros_like(p)
        if p.grad is None
        else p.grad
        for name, p in model.named_parameters()
    }


def _model(stage: Stage, by: Strategy, ours: Problem, phi: Backbone, chance: int = 0) -> Model:
    """A model of a stage, its weights moved to where no two are alike."""
    tasks = {name: ours.domains[name].tasks for name in stage.domains}
    model = draw_model(phi, ours.inputs, tasks, stage.init, 0, stage.task_specific)
    by.add_buffers(model)
    model.double()
    drawn = torch.Generator().manual_seed(chance)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=drawn, dtype=p.dtype))
    return model


def _steps(stage: Stage, ours: Problem, model: Model) -> Steps:
    """A step that draws all of the stage's domains whole, in float64."""
    steps = Steps()
    for name in stage.domains:
        batch = as_batch(ours.domains[name].train)
        shares = {task: float(labelled(y).double().mean()) for task, y in batch.labels.items()}
        in_double = Batch(batch.inputs.double(), batch.labels)
        steps[name] = forward(model, ours.domains[name], in_double, shares)
    return steps


def moved(one: Gradient, other: Gradient) -> set[str]:
    """The parameters whose gradients differ by more than rounding. None may differ by less."""
    assert one.keys() == other.keys()
    found = set()
    for name, before in one.items():
        if torch.equal(before, other[name]):
            continue
        apart = float((before - other[name]).norm() / (before.norm() + other[name].norm()))
        assert apart > 1e-6, f"{name} differs by rounding alone ({apart:.1e})"
        found.add(name)
    return found


@dataclass(frozen=True)
class Knob:
    """A knob at two places, and the parameters that it is to move.

    option: its key. before, after: strategy and λ. moves: patterns of names; on: the problem.
    """

    option: str
    before: tuple[Strategy, float]
    after: tuple[Strategy, float]
    moves: list[str]
    on: Problem
    phi: Backbone = PHI
    number: int = -1

    def __str__(self) -> str:
        settings = [f"{s}" for s in (self.before[0], self.after[0])]
        return f"{self.option} of {settings[0]}"


def lam(strategy: Strategy, moves: list[str], on: Problem, phi: Backbone = PHI) -> Knob:
    """λ of a strategy, from 0.5 to 2."""
    return Knob("lam.value", (strategy, 0.5), (strategy, 2.0), moves, on, phi)


def turned(
    option: str, before: Strategy, after: Strategy, moves: list[str], on: Problem, number: int = -1
) -> Knob:
    """An option of a strategy, at λ=0.5."""
    return Knob(option, (before, 0.5), (after, 0.5), moves, on, number=number)


def asymmetric(mu: float = 0.1, *, one_way: bool = False) -> TaskTransfer:
    return TaskTransfer(mu=mu, one_way=one_way)


DISTIL = TaskTransfer("distillation")
FIRST, SECOND, THIRD = (f"heads.*binary{k}*" for k in range(3))
KNOBS = [
    # (L_S + λ L_T)/(1+λ)
    lam(ParameterTransfer(), EVERY, TWO),
    lam(ParameterTransfer(), EVERY, SPLIT),
    lam(ParameterTransfer(), EVERY, SOURCES),
    lam(FeatureTransfer(), HEADS, TWO),
    lam(FeatureTransfer(train="all"), EVERY, TWO),
    lam(StructureTransfer(), EVERY, TWO),
    lam(Joint(), EVERY, TWO),
    lam(Fused(), EVERY, SOURCES),
    # Σ L_i + λ R(W̃): heads without biases, and φ by rms(z), unless it has nothing to learn
    *(
        lam(TaskRelation(relation), [*WEIGHTS, *TRUNKS], PEERS)
        for relation in ("mean", "soft_sharing", "trace_norm", "covariance", "ridge")
    ),
    lam(TaskRelation("trace_norm"), [*WEIGHTS, *TRUNKS], ALIKE),
    lam(TaskRelation("covariance"), WEIGHTS, ALIKE, PLAIN),
    lam(TaskRelation("mean"), WEIGHTS, PEERS, PLAIN),
    lam(TaskRelation("mean", train="head"), WEIGHTS, PEERS),
    lam(TaskRelation("mean", "towers"), [*WEIGHTS, *TRUNKS], PEERS),
    lam(TaskRelation("mean", "towers"), TRUNKS, MIXED),
    lam(TaskRelation("graph", graph=CHAIN), [*WEIGHTS, *TRUNKS], ALIKE),
    lam(TaskRelation("graph", graph=APART), ["heads.*[01].weight"], ALIKE, PLAIN),
    Knob(
        "strategy.graph",
        (TaskRelation("graph", graph=CHAIN), 0.5),
        (TaskRelation("graph", graph=STRONGER), 0.5),
        ["heads.*[12].weight"],
        ALIKE,
        PLAIN,
    ),
    # Σ_t (1 + μ Σ_s B_st) L_t + λ T(w)
    lam(asymmetric(), [*WEIGHTS, *TRUNKS], ALIKE),
    lam(asymmetric(), WEIGHTS, ALIKE, PLAIN),
    turned("strategy.mu", asymmetric(), asymmetric(1.0), [FIRST, SECOND, *TRUNKS], ALIKE),
    turned(
        "strategy.one_way",
        asymmetric(),
        asymmetric(one_way=True),
        ["heads.*[01].weight", *TRUNKS],
        ALIKE,
    ),
    lam(DISTIL, EVERY, PEERS),
    lam(TaskTransfer("distillation", "towers"), EVERY, PEERS),
    lam(
        TaskTransfer("distillation", "towers", distil="features"),
        [*TRUNKS, "extras.A"],
        MIXED,
    ),
    lam(TaskTransfer("born_again"), EVERY, MIXED),
    lam(TaskTransfer("born_again", train="head"), HEADS, MIXED),
    # Σ a_i L_i
    turned(
        "strategy.weights",
        SharedParameters((1.0, 1.0, 1.0)),
        SharedParameters((1.0, 2.0, 1.0)),
        [SECOND, *TRUNKS],
        ALIKE,
    ),
    # (Σ L_i + μ R)/n on the sources
    turned(
        "strategy.first_lam",
        Fused(TaskRelation("mean"), 0.5),
        Fused(TaskRelation("mean"), 2.0),
        [*WEIGHTS, *TRUNKS],
        SOURCES,
        number=0,
    ),
]


INERT = [
    turned("strategy.heads", SharedParameters(), SharedParameters(heads="shared"), [], ALIKE),
    turned("strategy.first_lam", Fused(), Fused(first_lam=7.0), [], SOURCES, number=0),
    turned("strategy.mu", TaskTransfer(), TaskTransfer(mu=0.1), [], ALIKE),
    *(
        Knob("strategy.train", (a, 0.5), (b, 0.5), [], TWO, PLAIN)
        for a, b in (
            (ParameterTransfer(), ParameterTransfer(train="head")),
            (FeatureTransfer(), FeatureTransfer(train="all")),
        )
    ),
    lam(SharedParameters(), [], ALIKE),
    lam(SharedParameters(), [], PEERS),
]
