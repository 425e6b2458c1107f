"""Parameter transfer: learn θ and w on the source, go on from them on the target.

    source stage   min_{θ,w} L_S(θ, w)
    target stage   min_{θ,w} (L_S(θ, w) + λ L_T(θ, w)) / (1 + λ),   starting from the source's θ, w

The weighted sum is `transfer.weighted_losses`, which says why it is divided by 1+λ: at λ=0 the
source stage just goes on, at λ=∞ only L_T is left, which is classical fine-tuning. Where the label
spaces differ the target's head is new, and the source keeps its own.

Pan and Yang, "A survey on transfer learning" (IEEE TKDE 2010), call it parameter transfer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlrun.core.objective import Lam, Objective, Schedule, Steps
from tlrun.core.problem import Problem
from tlrun.strategies.base import Controls, Stage, Strategy
from tlrun.strategies.controls import transfer_controls
from tlrun.strategies.source_only import source_stage
from tlrun.strategies.transfer import domains_drawn, weighted_losses

if TYPE_CHECKING:
    from tlrun.models.model import Model


@dataclass(frozen=True)
class ParameterTransfer(Strategy):
    """Takes over θ, and w where source and target share a label space; everything stays free."""

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        """Raises UserError at λ=0 where the target has a task that no source has."""
        return (
            source_stage(problem, steps),
            Stage("target", domains_drawn(problem, lam), steps, lam=lam, init="target"),
        )

    def inherit(self, stage: Stage, fresh: Model, previous: Model) -> Model:
        """θ, and the head of every task that the source stage had too; other heads stay fresh."""
        fresh.load_backbone(previous)
        fresh.load_heads(previous)
        return fresh

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """(L_S + λ L_T) / (1 + λ) of one step; in a stage of one domain, its loss alone."""
        return weighted_losses(steps, lam)  # (L_S + λ L_T) / (1 + λ)

    def controls(self, problem: Problem) -> Controls:
        """Those of every transfer: scratch, the untouched source model, joint training."""
        return transfer_controls(problem)
