"""Parameter transfer: learn θ and w on the source, go on from them on the target.

    source stage   min_{θ,w} L_S(θ, w)
    target stage   min_{θ,w} (L_S(θ, w) + λ L_T(θ, w)) / (1 + λ),   starting from the source's θ, w

The weighted sum is `transfer.weighted_losses`, which says why it is divided by 1+λ: at λ=0 the
source stage just goes on, at λ=∞ only L_T is left, which is classical fine-tuning. Where the label
spaces differ the target's head is new, and the source keeps its own. Without a source domain θ is
what the backbone has learnt elsewhere, the head is new and λ is ∞: pretrained weights, fine-tuned.

Pan and Yang, "A survey on transfer learning" (IEEE TKDE 2010), call it parameter transfer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from tlrun.core.objective import Lam, Objective, Schedule, Steps
from tlrun.core.options import Range
from tlrun.core.problem import Problem
from tlrun.models.backbone import TrainedPart
from tlrun.strategies.base import Controls, Stage, Strategy
from tlrun.strategies.controls import transfer_controls
from tlrun.strategies.source_only import source_stage
from tlrun.strategies.transfer import WARMUP, target_stages, weighted_losses

if TYPE_CHECKING:
    from tlrun.models.model import Model


@dataclass(frozen=True)
class ParameterTransfer(Strategy):
    """Takes over θ, and w where source and target share a label space.

    train: what of φ the target stage trains beside the heads: everything, or a part, as in
        `feature_transfer`.
    warmup: how many of the target stage's updates train the heads alone, before the others (LP-FT).
    """

    train: TrainedPart = "all"
    warmup: Annotated[int, Range(0)] = 0
    source_or_weights: ClassVar[bool] = True
    of_losses: ClassVar[bool] = True

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        """Raises UserError at λ=0 where the target has a task that no source has."""
        return (
            source_stage(problem, steps),
            *target_stages(problem, lam, steps, self.train, self.warmup),
        )

    def inherit(self, stage: Stage, fresh: Model, previous: Model) -> Model:
        """θ, and the head of every task that the source stage had too; other heads stay fresh.

        After a warmup, everything.
        """
        if self.warmup and stage.name != WARMUP:
            return previous
        fresh.load_backbone(previous)
        fresh.load_heads(previous)
        return fresh

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """(L_S + λ L_T) / (1 + λ) of one step; in a stage of one domain, its loss alone."""
        return weighted_losses(steps, lam)  # (L_S + λ L_T) / (1 + λ)

    def controls(self, problem: Problem) -> Controls:
        """Those of every transfer: scratch, the untouched source model, joint training."""
        return transfer_controls(problem)
