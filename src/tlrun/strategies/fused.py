"""Fused: learn the source tasks together, and transfer what came out to the target.

    source stage   min_{φ,w} (Σ_i L_i + μ R(w̃)) / n, or + μ T(w)   over the n source tasks
    target stage   min (L_S + λ L_T) / (1 + λ)

The source stage is that of `first` (shared_parameters, task_relation or task_transfer) on the
source domains alone, its λ being μ, `first_lam`. The target stage is that of `then` (parameter,
feature or structure transfer), which takes over what it always takes over, and whose weighted sum
is `transfer.weighted_losses`.

Divided by n the minimum is the same (but for an optimizer's weight decay, which then weighs n times
as much), and the losses of the source side are their mean, L_S, as in the source stage of the
control `not fused`: so the two differ in what they share and not in the size of their steps, and
with first=shared_parameters and heads=shared they are one run, to the bit.
Where `first` is born_again, only the stage that learns the tasks together is divided: in the one
before, each task is alone and has its L_i, as `single_task` has.

Where the first stage has a head for each domain and the second one for their label space, the
second starts from their mean. The source side has the steps of one stage, however many stages
`first` has.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, ClassVar

from tlrun.core.acting import Acts, Where
from tlrun.core.errors import Mistake, UserError
from tlrun.core.objective import Lam, Objective, Relation, Schedule, Steps
from tlrun.core.options import OneOf, Range
from tlrun.core.problem import Problem, Role
from tlrun.models.backbone import Backbone
from tlrun.strategies.base import Control, Controls, Stage, Strategy
from tlrun.strategies.parameter_transfer import ParameterTransfer
from tlrun.strategies.schedules import Constant
from tlrun.strategies.shared_parameters import SharedParameters

if TYPE_CHECKING:
    from tlrun.models.model import Model

MULTITASK = ("shared_parameters", "task_relation", "task_transfer")
TRANSFERS = ("feature_transfer", "parameter_transfer", "structure_transfer")


@dataclass(frozen=True)
class Fused(Strategy):
    """A multi-task strategy on the sources, then a transfer to the target.

    first: how the source tasks share. first_lam: μ, the λ of its equation; None: 1. then: the
        transfer. Both have options of their own: strategy.first=task_relation
        strategy.first.relation=mean.

    Raises UserError where `first` is to have more steps than one stage, or to hold φ fixed, which
    it is there to learn.
    """

    first: Annotated[Strategy, OneOf("strategy", MULTITASK)] = field(
        default_factory=SharedParameters
    )
    first_lam: Annotated[float, Range(0.0)] | None = None
    then: Annotated[Strategy, OneOf("strategy", TRANSFERS)] = field(
        default_factory=ParameterTransfer
    )
    acts: ClassVar[Acts] = {"first_lam": Where("first", "task_relation", "task_transfer")}

    def __post_init__(self) -> None:
        if getattr(self.first, "budget", "stage") != "stage":
            raise UserError(
                Mistake(
                    "strategy.first.budget",
                    expected="stage, as the controls are to cost the same",
                    found="total",
                )
            )
        trained = getattr(self.first, "train", "all")
        if trained != "all":
            raise UserError(
                Mistake(
                    "strategy.first.train",
                    expected="all, as the φ that the sources learn is what is handed over",
                    found=trained,
                    hint="strategy.then.train is for the target",
                )
            )
        # One run for every spelling of μ, which decides nothing where the first stage has no term
        # to weigh.
        strength = 1.0 if self.first_lam is None else self.first_lam
        if "lam" in self.first.ignores:
            if strength != 1.0:  # for a line that says so
                object.__setattr__(self, "unused", ("first_lam",))
            object.__setattr__(self, "first_lam", None)
        else:
            object.__setattr__(self, "first_lam", strength)

    def warnings(self, backbone: Backbone) -> Sequence[str]:
        """Those of both parts. Raises UserError where either does not fit the backbone."""
        with _as_part("first"):
            before = self.first.warnings(backbone)
        with _as_part("then"):
            return (*before, *self.then.warnings(backbone))

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        """The stages of `first` on the sources, then those of `then` after its source stage.

        Raises UserError where there is one source task, or no one φ to hand over, and where a part
        does not fit its domains or its λ.
        """
        together = self._together(problem.only("source"), steps)
        with _as_part("then"):
            _, *after = self.then.stages(problem, lam, steps)
        if not after:
            raise UserError(
                Mistake(
                    "strategy.then",
                    expected="a transfer with a source stage",
                    found="structure=layers",
                    hint="try mask",
                )
            )
        # The source side costs what a source stage costs, or its controls would be smaller runs.
        shares = [
            steps * (k + 1) // len(together) - steps * k // len(together)
            for k in range(len(together))
        ]
        first = [
            replace(
                stage,
                name=f"source: {stage.name}",
                steps=max(share, 1),
                init="source",
                shared=True,
                by=stage.by or SourceSide(self.first),
            )
            for stage, share in zip(together, shares, strict=True)
        ]
        return (*first, *(replace(stage, by=stage.by or self.then) for stage in after))

    def _together(self, sources: Problem, steps: int) -> Sequence[Stage]:
        """The stages of `first` on the source tasks, which leave one φ to hand over."""
        if len(sources.task_keys) < 2:
            raise UserError(
                Mistake(
                    "strategy",
                    expected="two source tasks or more for fused",
                    found=f"{len(sources.task_keys)}",
                    hint="try dataset=digits_domains dataset.target=inverted, or "
                    "{key}=parameter_transfer",
                )
            )
        with _as_part("first"):
            stages = self.first.stages(sources, Constant(self.first_lam or 0.0), steps)
        if stages[-1].task_specific == "towers":
            raise UserError(
                Mistake(
                    "strategy.first",
                    expected="one φ to hand over",
                    found="one for each task",
                    hint="try {key}.scope=heads",
                )
            )
        return stages

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """Of the target stage: (L_S + λ L_T) / (1 + λ), as `then` has it."""
        return self.then.objective(steps, model, lam)

    def controls(self, problem: Problem) -> Controls:
        """`then` from a source stage that pools the source domains, and the controls of `then`."""
        return {"not fused": Control(self.then), **self.then.controls(problem)}


@dataclass(frozen=True)
class SourceSide(Strategy):
    """The equation of `first`, divided by the number n of tasks: (Σ_i L_i + μ R(w̃)) / n.

    It is `first` in all else. Nobody names it in a config: it is whose equation trains the source
    stage of `Fused`.
    """

    first: Strategy
    needs: ClassVar[tuple[Role, ...]] = ()

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        """Those of `first`. Raises UserError where it does."""
        return self.first.stages(problem, lam, steps)

    def inherit(self, stage: Stage, fresh: Model, previous: Model) -> Model:
        """As `first` does."""
        return self.first.inherit(stage, fresh, previous)

    def add_buffers(self, model: Model) -> None:
        """Those of `first`."""
        self.first.add_buffers(model)

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """(Σ L_i + μ R(w̃)) / n of one step, with the terms of `first` as they are.

        n counts the tasks that have a loss, as the mean L_S does (`Steps.loss`).
        """
        whole = self.first.objective(steps, model, lam)
        return replace(whole, total=whole.total / len(steps.losses()))

    def backward(self, objective: Objective, model: Model) -> None:
        """As `first` does."""
        self.first.backward(objective, model)

    def relation_of(self, model: Model) -> Relation | None:
        """That of `first`."""
        return self.first.relation_of(model)


@contextmanager
def _as_part(part: str) -> Iterator[None]:
    """Mistakes in the options of a strategy by itself, as ones in the options of this part."""
    try:
        yield
    except UserError as error:
        moved = error.moved("strategy", f"strategy.{part}")
        if part == "first":  # its λ is μ
            moved = moved.moved("lam.value", "strategy.first_lam")
        raise moved from None
