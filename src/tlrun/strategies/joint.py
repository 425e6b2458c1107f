"""Control: source and target in one stage, from a backbone's weights or from random ones.

It asks whether the order, source first, matters at all.

    min_{θ,w} (L_S(θ, w) + λ L_T(θ, w)) / (1 + λ)

θ and w start from the streams target-init and head-init; θ from a backbone's pretrained weights,
where it has some, as the source stage of a transfer does. The weighted sum is
`transfer.weighted_losses`. There is one stage, of as many steps as both stages of a transfer
together. Every step draws both domains, so it sees more examples than a transfer does, and twice
the target's; the table shows how many. At λ=∞ it is `scratch` with `budget: total`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tlrun.core.objective import Lam, Objective, Schedule, Steps
from tlrun.core.problem import Problem
from tlrun.strategies.base import Stage, Strategy
from tlrun.strategies.transfer import domains_drawn, weighted_losses

if TYPE_CHECKING:
    from tlrun.models.model import Model


@dataclass(frozen=True)
class Joint(Strategy):
    """Pooled training; a head of its own for each label space."""

    of_losses: ClassVar[bool] = True

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        """Raises UserError at λ=0 where the target has a task that no source has."""
        return (Stage("joint", domains_drawn(problem, lam), 2 * steps, lam=lam, pretrained=True),)

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """(L_S + λ L_T) / (1 + λ) of one step; in a stage of one domain, its loss alone."""
        return weighted_losses(steps, lam)  # (L_S + λ L_T) / (1 + λ)
