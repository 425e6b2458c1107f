"""Structure transfer: learn a structure θ on the source, and train the target in it afresh.

    source stage   min_{w'} L_S(w'),   θ = S(w')
    target stage   min_w (L_S(θ, w) + λ L_T(θ, w)) / (1 + λ)

In the target stage w is fresh (the stream target-init), and θ is held fixed. The weighted sum is
`transfer.weighted_losses`, which says why it is divided by 1+λ. θ holds no weight of the source,
and w is independent of them: the layer list alone would be `scratch`, and fresh weights that are
the source's own initial ones would carry over its lottery ticket.

What S, the option `structure`, takes from the source's weights, and its control:

mask        Which weights of φ there are: the share `density` of them with the highest LAMP scores
            (Lee et al., "Layer-adaptive sparsity for the magnitude-based pruning", ICLR 2021),
            fixed while the target trains. Fresh weights are scaled by ρ^(-1/2), ρ a tensor's own
            density. Control: as many weights in each tensor, at random.
width       How many channels (units) each layer of φ has: the source's are ranked across all
            layers, and the weakest left out until the share `density` of the parameters is left,
            heads included; a smaller dense network. Control: every layer narrower by one factor, at
            as nearly as many parameters.
stats       Mean and standard deviation of each weight tensor of φ, which shape the fresh draw (the
            "mean-var" initialisation of Raghu et al., "Transfusion", NeurIPS 2019). Differs from
            the paper: the draw keeps the shape of the backbone's own, uniform here, instead of
            being normal. Control: the default draw.
covariance  Like stats, with mean and covariance of the h x w filters of a convolution (Trockman et
            al., "Understanding the covariance structure of convolutional filters", ICLR 2023).
            Differs from the paper: filters of every convolution, not of depthwise ones alone, and a
            whitened uniform draw instead of a normal one. Control: the default draw.
layers      The layer list, from no source stage: scratch by another name, and the control of stats
            and covariance.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tlrun.core.acting import Acts, Where
from tlrun.core.errors import Mistake, UserError
from tlrun.core.objective import Lam, Objective, Schedule, Steps
from tlrun.core.options import Range, as_node
from tlrun.core.problem import Problem
from tlrun.models.backbone import Backbone, Given, shape_for
from tlrun.strategies.base import Control, Controls, Stage, Strategy
from tlrun.strategies.controls import transfer_controls
from tlrun.strategies.source_only import source_stage
from tlrun.strategies.transfer import domains_drawn, weighted_losses

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.models.model import Model
    from tlrun.models.structure import Structure

DENSITY = 0.3
# one name for all of them, so that a sweep over structures has one column
NOTHING_LEARNT = (
    "structure=layers takes over nothing that was learnt: this is scratch by another name"
)
CONTROL = "unlearnt structure"


@dataclass(frozen=True)
class StructureTransfer(Strategy):
    """A structure of the source, and fresh weights.

    structure: S, what is learnt. density: the share that is kept (mask, width); None: 0.3.
    chosen_by: `source`, or `chance`, the control of `mask` and `width`, as large as the source's
        choice.

    Raises UserError for a density or a choice by chance where the structure has none.
    """

    structure: Literal["mask", "width", "stats", "covariance", "layers"] = "mask"
    density: Annotated[float, Range(0.001, 1.0)] | None = None
    chosen_by: Literal["source", "chance"] = "source"
    source_or_weights: ClassVar[bool] = True
    acts: ClassVar[Acts] = {
        "density": Where("structure", "mask", "width"),
        "chosen_by": Where("structure", "mask", "width"),
    }

    def __post_init__(self) -> None:
        if self.structure in ("mask", "width"):
            return
        if self.density is not None:
            raise UserError(
                Mistake(
                    "strategy.density",
                    expected=f"null with structure={self.structure}, which keeps every weight",
                    found=f"{self.density:g}",
                    hint="it is for structure=mask and width",
                )
            )
        if self.chosen_by == "chance":
            raise UserError(
                Mistake(
                    "strategy.chosen_by",
                    expected=f"source with structure={self.structure}",
                    found="chance",
                    hint="its control is structure=layers",
                )
            )

    def warnings(self, backbone: Backbone) -> Sequence[str]:
        """That `layers` takes over nothing.

        Raises UserError where φ has no weights to learn a structure from, or widths that cannot be
        set.
        """
        name: str = as_node(backbone)["name"]
        if self.structure == "layers":
            return (NOTHING_LEARNT,)
        if not backbone.learns:
            raise UserError(
                Mistake(
                    "strategy.structure",
                    expected=f"a backbone with weights for structure={self.structure}",
                    found=name,
                    hint="try backbone=conv",
                )
            )
        if self.structure == "width" and not hasattr(backbone, "widths"):
            raise UserError(
                Mistake(
                    "strategy.structure",
                    expected="a backbone that says which option holds its widths for "
                    "structure=width",
                    found=name,
                    hint="try backbone=conv or {key}=mask",
                )
            )
        return ()

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        """Raises UserError at λ=0 where the target has a task that no source has."""
        target = Stage("target", domains_drawn(problem, lam), steps, lam=lam, init="target")
        return (target,) if self.structure == "layers" else (source_stage(problem, steps), target)

    def structure_of(self, stage: Stage, previous: Model, given: Given) -> Structure:
        """θ of the source's φ, or by chance. Nothing of `previous` but θ goes on."""
        from tlrun.models.pruning import magnitude_masks, random_masks
        from tlrun.models.structure import Moments, Structure, weights

        source = weights(previous.backbone)
        density = DENSITY if self.density is None else self.density
        if self.structure == "mask":
            masks = magnitude_masks(source, density)
            return Structure(
                given.backbone,
                masks=masks if self.chosen_by == "source" else random_masks(masks, given.seed),
            )
        if self.structure == "width":
            return Structure(_narrow(source, density, self.chosen_by == "chance", given))
        filters = self.structure == "covariance"
        moments = {
            name: Moments.of(w, w[0, 0].numel() if filters else 1) for name, w in source.items()
        }
        return Structure(given.backbone, moments=moments)

    def inherit(self, stage: Stage, fresh: Model, previous: Model) -> Model:
        """Nothing: every weight is fresh."""
        return fresh

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """(L_S + λ L_T) / (1 + λ) of one step; in a stage of one domain, its loss alone."""
        return weighted_losses(steps, lam)  # (L_S + λ L_T) / (1 + λ)

    def controls(self, problem: Problem) -> Controls:
        """The structure's own control, at the same λ and budget, and those of every transfer."""
        controls = transfer_controls(problem)
        if self.structure == "layers" or self.chosen_by == "chance":
            return controls
        unlearnt = StructureTransfer(structure="layers")
        if self.structure in ("mask", "width"):
            unlearnt = replace(self, chosen_by="chance")
        return {CONTROL: Control(unlearnt), **controls}


def _narrow(source: Mapping[str, Tensor], density: float, uniform: bool, given: Given) -> Backbone:
    """φ with fewer channels: without those that the source ranks lowest.

    uniform: instead, of as many parameters, with all layers narrower by one factor.
    """
    from tlrun.models.pruning import channel_scores, kept
    from tlrun.models.structure import parameters, with_widths

    scores = channel_scores(source)
    dense = [len(score) for score in scores.values()]
    shape = shape_for(given.backbone, given.inputs)

    def cost(widths: Sequence[int]) -> int:
        return parameters(with_widths(given.backbone, widths), shape, given.outputs)

    def ranked(left: int) -> list[int]:
        return [int(mask.sum()) for mask in kept(scores, left).values()]

    def alike(left: int) -> list[int]:
        return [max(1, round(width * left / sum(dense))) for width in dense]

    # Channels left, from one a layer to all: the most that cost no more than the budget. Costs only
    # rise with them.
    counts = range(len(dense), sum(dense) + 1)
    most = bisect_right(counts, density * cost(dense), key=lambda left: cost(ranked(left)))
    learnt = ranked(counts[max(0, most - 1)])
    if uniform:
        wanted = cost(learnt)
        above = min(
            bisect_right(counts, wanted, key=lambda left: cost(alike(left))), len(counts) - 1
        )
        learnt = min(
            (alike(counts[k]) for k in (max(0, above - 1), above)),
            key=lambda w: abs(cost(w) - wanted),
        )
    return with_widths(given.backbone, learnt)
