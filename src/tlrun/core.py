"""The nouns and protocols of tl-run. Nothing here imports torch, so that a config can be checked without it.

    argv → config → Problem, Model, Strategy → for each stage: inherit → fit → run directory → table

Shapes: B examples in a batch, d features.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Protocol

from tlrun.equation import Lam, Objective, Relation, Step, Steps
from tlrun.options import Range
from tlrun.problem import Problem, Role

if TYPE_CHECKING:
    from torch import nn

    from tlrun.model import Model
    from tlrun.structure import Structure

__all__ = [
    "Backbone",
    "Controls",
    "Dataset",
    "Given",
    "Lam",
    "Objective",
    "Own",
    "Recorder",
    "Relation",
    "Schedule",
    "Screen",
    "Stage",
    "Step",
    "Steps",
    "Strategy",
    "Trainer",
    "multitask_controls",
    "transfer_controls",
]


class Schedule(Protocol):
    """λ over a stage's progress."""

    @property
    def label(self) -> str:
        """How λ is written in names and tables."""

    def at(self, progress: float) -> Lam:
        """λ at `progress` in [0, 1]."""

    def always(self, value: float) -> bool:
        """Whether λ is `value` from the first step to the last."""


Own = Literal["nothing", "biases", "heads", "towers"]  # what each task of a domain has for itself; see model.Model


@dataclass(frozen=True)
class Stage:
    """One training run over some domains.

    init names the random stream from which weights that are not inherited are drawn: `source-init` is independent of
    `target-init`, so that no arm that starts afresh on the target meets the source's initial weights.
    """

    name: str
    domains: tuple[str, ...]  # drawn in every step; a domain that λ gives no weight is not among them
    steps: int
    lam: Schedule
    init: Literal["source", "target"] = "target"
    frozen: bool = False  # φ is held fixed, in eval mode
    by: Strategy | None = None  # whose equation trains it; None: that of the strategy whose stage it is
    shared: bool = False  # other runs may start from what it ends with: kept by content, and trained once
    own: Own = "nothing"


Controls = Mapping[str, Mapping[str, Mapping[str, object]]]  # name → the config nodes to replace, whole


@dataclass(frozen=True)
class Strategy(ABC):
    """A way of sharing what is learnt. Its fields are its YAML options; it holds no state.

    ignores: config groups that do not decide its result (λ of `scratch`); they are left out of its run's id.
    needs: the roles of domains without which it has nothing to do.
    """

    ignores: ClassVar[frozenset[str]] = frozenset()
    needs: ClassVar[tuple[Role, ...]] = ("source", "target")

    @abstractmethod
    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        """The stages in order; `steps` is the budget of one (`trainer.steps`).

        Raises UserError where strategy, problem and λ do not fit.
        """

    def inherit(self, stage: Stage, fresh: Model, previous: Model) -> Model:
        """What `stage` starts from, given fresh weights and the model of the stage before (default: that model)."""
        return previous

    def structure_of(self, stage: Stage, previous: Model, given: Given) -> Structure | None:
        """θ, what `stage` is built with instead of the config's backbone; None, the default: that backbone as it is.

        The weights are fresh in any case; `inherit` may then replace them.
        """
        return None

    def equip(self, model: Model) -> None:  # noqa: B027  # most equations have nothing beside φ and w
        """Give a fresh model, in `extras`, what the equation has beside φ and w (default: nothing)."""

    @abstractmethod
    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """The equation: a pure function of parameters, batch and λ."""

    def backward(self, objective: Objective, model: Model) -> None:
        """Write the gradient of the objective into the parameters; gradient surgery overrides this."""
        objective.total.backward()  # type: ignore[union-attr]  # a stage draws at least one domain

    def controls(self, problem: Problem) -> Controls:
        """What a claim about this strategy on `problem` is measured against."""
        return {}

    def relation_of(self, model: Model) -> Relation | None:
        """What it has learnt about the relation of its tasks, read from a trained model; None where it learns none."""
        return None

    def remarks(self, backbone: Backbone) -> Sequence[str]:
        """What a user should know before it starts. Raises UserError where strategy and backbone do not fit."""
        return ()


def transfer_controls(problem: Problem) -> Controls:
    """The controls of every transfer.

    `scratch` at the target's and at the total budget; the source model untouched, where it can answer for the target;
    and `joint` at the seed's λ=1, one reference for the whole λ axis.
    """
    controls: dict[str, Mapping[str, Mapping[str, object]]] = {
        "scratch": {"strategy": {"name": "scratch", "budget": "target"}},
        "scratch, total budget": {"strategy": {"name": "scratch", "budget": "total"}},
        "source_only": {"strategy": {"name": "source_only", "budget": "source"}},
        "joint, λ=1": {"strategy": {"name": "joint"}, "lam": {"name": "constant", "value": 1.0}},
    }
    if not problem.one_label_space:
        del controls["source_only"]
    return controls


def multitask_controls(shrinks: str | None = None) -> dict[str, Mapping[str, Mapping[str, object]]]:
    """The controls of learning tasks together: each alone, and one φ for all without a term that relates them.

    shrinks: for a term that also draws parameters to 0, its scope: a ridge of the same scope and λ then stands beside.
    """
    controls: dict[str, Mapping[str, Mapping[str, object]]] = {
        "single_task": {"strategy": {"name": "single_task"}},
        "shared_parameters": {"strategy": {"name": "shared_parameters"}},
    }
    if shrinks is not None:
        controls["ridge"] = {"strategy": {"name": "task_relation", "relation": "ridge", "scope": shrinks}}
    return controls


class Backbone(Protocol):
    """φ as a specification: a frozen dataclass whose fields are its YAML options. learns: whether φ has parameters.

    One whose option lists the outputs of its weight layers, in order, says which in `widths: ClassVar[str]`: structure
    transfer can then build a narrower one.
    """

    learns: ClassVar[bool]

    def width(self, shape: tuple[int, ...]) -> int:
        """d, the width of z [B, d], for inputs of `shape` (without the batch). Raises UserError where it cannot be."""

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """φ, a module from [B, *shape] to [B, d], with fresh weights from torch's global generator."""


@dataclass(frozen=True)
class Given:
    """What is settled when a stage is built: φ as configured, the shape of an input, k of every head, the seed."""

    backbone: Backbone
    shape: tuple[int, ...]
    outputs: tuple[int, ...]
    seed: int


class Dataset(Protocol):
    """A source of problems: a frozen dataclass whose fields are its YAML options.

    One whose options say where its files are names those in `places: ClassVar[frozenset[str]]`: a run is known by the
    digest of its data, wherever they were read.
    """

    def load(self, seed: int) -> Problem:
        """The problem as `seed` draws its labels. Raises UserError where the options ask for more than there is."""


@dataclass(frozen=True)
class Trainer:
    """The budget of one stage and how its model is chosen.

    select: `last` keeps the last step's weights; `best` those of the evaluation with the lowest validation loss.
    cache_features: in a stage that holds φ fixed and reads a domain's training examples at least once, compute their
        features once, before it, instead of in every step. The same numbers up to rounding (1e-6).
    """

    steps: Annotated[int, Range(1, 10**9)] = 200
    batch_size: Annotated[int, Range(1, 2**20)] = 64
    eval_every: Annotated[int, Range(1)] = 20
    select: Literal["last", "best"] = "last"
    cache_features: bool = True


class Recorder(Protocol):
    """What the loop tells the world; it knows no path and no screen."""

    def step(self, step: int, terms: Mapping[str, float]) -> None:
        """Called after every update."""

    def log(self, row: Mapping[str, object]) -> None:
        """Keep one evaluation."""


class Screen(Protocol):
    """What a run shows while it works."""

    def note(self, text: str) -> None:
        """One line the user should know."""

    def begin(self, run: str, stage: Stage) -> None:
        """A stage of `run` starts."""

    def step(self, step: int, terms: Mapping[str, float]) -> None:
        """The stage has done `step` updates."""

    def end(self) -> None:
        """The stage is over, well or not."""
