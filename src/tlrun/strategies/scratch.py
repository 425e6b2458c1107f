"""Control: the target alone, from random weights; what is learnt elsewhere is added to this.

    min_{θ,w} L_T(θ, w),   θ and w random (the streams target-init and head-init)

This is (L_S + λ L_T) / (1 + λ) at λ=∞ without a source stage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from tlrun.core.objective import Lam, Objective, Schedule, Steps
from tlrun.core.problem import Problem, Role
from tlrun.strategies.base import Stage, Strategy
from tlrun.strategies.schedules import Constant

if TYPE_CHECKING:
    from tlrun.models.model import Model


@dataclass(frozen=True)
class Scratch(Strategy):
    """The target alone.

    budget: `target`, the steps of a transfer's target stage; `total`, those of both its stages
        together.
    start: `random`, a backbone's pretrained weights being left aside; or `pretrained`, θ starts
        from them, where it has some: what a source adds to those is added to this.
    """

    budget: Literal["target", "total"] = "target"
    start: Literal["random", "pretrained"] = "random"
    ignores: ClassVar[frozenset[str]] = frozenset({"lam"})
    needs: ClassVar[tuple[Role, ...]] = ("target",)
    of_losses: ClassVar[bool] = True

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        """One stage on the target, of one budget or of both stages' together."""
        budget = steps if self.budget == "target" else 2 * steps
        return (
            Stage(
                "target",
                problem.named("target"),
                budget,
                lam=Constant(math.inf),
                init="target",
                pretrained=self.start == "pretrained",
            ),
        )

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """L_T of one step."""
        L_T = steps.loss("target")
        return Objective(L_T, {"L_T": L_T})
