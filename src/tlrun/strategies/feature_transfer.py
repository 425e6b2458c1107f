"""Feature transfer: learn φ on the source, put a new head w on it for the target.

    source stage   min_{φ,w'} L_S(φ, w')
    target stage   min_w (L_S(φ, w) + λ L_T(φ, w)) / (1 + λ)

In the target stage w is fresh, and φ the source's: held fixed (`train=head`), or only starting
there, and trained whole or in part (then min_{φ,w}). Without a source domain φ is what its backbone
has learnt elsewhere, and train=head is the linear probe.

The weighted sum is `transfer.weighted_losses`, which says why it is divided by 1+λ. With one label
space both losses train the new head, so λ acts even on a frozen φ: λ=∞ is the linear probe, λ=1 a
head that has seen both domains. With separate heads on a frozen φ the two losses share nothing, and
every λ gives the run of λ=∞.

Pan and Yang, "A survey on transfer learning" (IEEE TKDE 2010), call it feature-representation
transfer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

RENAMED = {"freeze": "train=head is what freeze=true was, train=all what freeze=false was"}


@dataclass(frozen=True)
class FeatureTransfer(Strategy):
    """φ of the source and a new head.

    train: what of φ the target stage trains beside the head: nothing (`head`; φ is then in eval
        mode, BatchNorm statistics included), everything, its last or first block (Lee et al.,
        "Surgical fine-tuning improves adaptation to distribution shifts", ICLR 2023), or the layers
        that normalise (Frankle et al., "Training BatchNorm and only BatchNorm", ICLR 2021). What is
        held fixed is in eval mode.
    warmup: how many of the target stage's updates train the heads alone, before the others.
    """

    train: TrainedPart = "head"
    warmup: Annotated[int, Range(0)] = 0
    source_or_weights: ClassVar[bool] = True
    renamed: ClassVar[Mapping[str, str]] = RENAMED
    of_losses: ClassVar[bool] = True

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        """Raises UserError at λ=0 where the target has a task that no source has."""
        return (
            source_stage(problem, steps),
            *target_stages(problem, lam, steps, self.train, self.warmup),
        )

    def inherit(self, stage: Stage, fresh: Model, previous: Model) -> Model:
        """φ alone, and every head is new; after a warmup, everything."""
        if self.warmup and stage.name != WARMUP:
            return previous
        fresh.load_backbone(previous)
        return fresh

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """(L_S + λ L_T) / (1 + λ) of one step; in a stage of one domain, its loss alone."""
        return weighted_losses(steps, lam)  # (L_S + λ L_T) / (1 + λ)

    def controls(self, problem: Problem) -> Controls:
        """Those of every transfer: scratch, the untouched source model, joint training."""
        return transfer_controls(problem)
