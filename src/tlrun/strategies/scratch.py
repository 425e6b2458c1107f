"""Control: the target alone, from random weights; what the source adds is added to this.

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
        together. A backbone's pretrained weights are left aside.
    """

    budget: Literal["target", "total"] = "target"
    ignores: ClassVar[frozenset[str]] = frozenset({"lam"})
    needs: ClassVar[tuple[Role, ...]] = ("target",)

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        """One stage on the target, of one budget or of both stages' together."""
        budget = steps if self.budget == "target" else 2 * steps
        return (
            Stage("target", problem.named("target"), budget, lam=Constant(math.inf), init="target"),
        )

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """L_T of one step."""
        L_T = steps.loss("target")
        return Objective(L_T, {"L_T": L_T})
