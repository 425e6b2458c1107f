"""Control: the source model, untouched, asked about the target.

It asks whether there was anything left to learn there.

    min_{θ,w} L_S(θ, w)

No target label is trained on. With `budget: total` the source is trained as long as both stages of
a transfer together, in two stages with a fresh optimiser each: this is parameter transfer at λ=0,
to the bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from tlrun.core.errors import Mistake, UserError
from tlrun.core.objective import Lam, Objective, Schedule, Steps
from tlrun.core.problem import Problem
from tlrun.strategies.base import Stage, Strategy
from tlrun.strategies.schedules import Constant

if TYPE_CHECKING:
    from tlrun.models.model import Model


@dataclass(frozen=True)
class SourceOnly(Strategy):
    """The source alone.

    budget: `source`, the steps of a transfer's source stage; `total`, those of both its stages
        together.
    """

    budget: Literal["source", "total"] = "source"
    ignores: ClassVar[frozenset[str]] = frozenset({"lam"})
    of_losses: ClassVar[bool] = True

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        """Raises UserError where the source model has no answer to the target's question."""
        if not problem.one_label_space:
            raise UserError(
                Mistake(
                    "strategy",
                    expected="one label space of source and target for source_only",
                    found="two, so the source model cannot answer for the target",
                    hint="try {key}=scratch",
                )
            )
        source = source_stage(problem, steps)
        return (
            (source,)
            if self.budget == "source"
            else (source, replace(source, name="source, again", shared=False))
        )

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """L_S of one step."""
        L_S = steps.loss("source")
        return Objective(L_S, {"L_S": L_S})


def source_stage(problem: Problem, steps: int) -> Stage:
    """min_{θ,w} L_S on the sources of `problem`, for `steps` updates.

    It is what every transfer starts with, trained once for all that share it. Without a source
    domain there is nothing to train: φ is what its backbone has from elsewhere.
    """
    sources = problem.named("source")
    return Stage(
        "source" if sources else "pretrained weights",
        sources,
        steps if sources else 0,
        lam=Constant(0.0),
        init="source",
        by=SourceOnly(),
        shared=True,
        pretrained=True,
    )
