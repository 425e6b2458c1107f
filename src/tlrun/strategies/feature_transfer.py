"""Feature transfer: learn φ on the source, put a new head w on it for the target.

    source stage   min_{φ,w'} L_S(φ, w')
    target stage   min_w (L_S(φ, w) + λ L_T(φ, w)) / (1 + λ)

In the target stage w is fresh, and φ the source's: held fixed with `freeze`, or free and only
starting there without it (then min_{φ,w}).

The weighted sum is `transfer.weighted_losses`, which says why it is divided by 1+λ. With one label
space both losses train the new head, so λ acts even on a frozen φ: λ=∞ is the linear probe, λ=1 a
head that has seen both domains. With separate heads on a frozen φ the two losses share nothing, and
every λ gives the run of λ=∞.

Pan and Yang, "A survey on transfer learning" (IEEE TKDE 2010), call it feature-representation
transfer.
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
class FeatureTransfer(Strategy):
    """φ of the source and a new head.

    freeze: hold φ fixed on the target (in eval mode, BatchNorm statistics included).
    """

    freeze: bool = True

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        """Raises UserError at λ=0 where the target has a task that no source has."""
        return (
            source_stage(problem, steps),
            Stage(
                "target",
                domains_drawn(problem, lam),
                steps,
                lam=lam,
                init="target",
                frozen=self.freeze,
            ),
        )

    def inherit(self, stage: Stage, fresh: Model, previous: Model) -> Model:
        """φ alone; every head is new."""
        fresh.load_backbone(previous)
        return fresh

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """(L_S + λ L_T) / (1 + λ) of one step; in a stage of one domain, its loss alone."""
        return weighted_losses(steps, lam)  # (L_S + λ L_T) / (1 + λ)

    def controls(self, problem: Problem) -> Controls:
        """Those of every transfer: scratch, the untouched source model, joint training."""
        return transfer_controls(problem)
