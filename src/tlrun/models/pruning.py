"""What of a trained network to keep, as pure functions of its weights: magnitudes are read, values
are not kept.

Scores are those of LAMP, layer-adaptive magnitude pruning (Lee et al., "Layer-adaptive Sparsity for
the Magnitude-based Pruning", ICLR 2021): they rank within a tensor by magnitude, and across tensors
by the share of what would be left.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from tlrun.core.seeding import stream


def lamp(magnitudes: Tensor) -> Tensor:
    """score_u = a_u² / Σ_{v ≥ u} a_v² of magnitudes a ≥ 0, any shape, in float64; v ≥ u: as large,
    or larger.

    Of equal magnitudes the later one counts as larger. The largest of a tensor has score 1. Scaling
    a tensor, and signs, change no score; zeros have score 0.
    """
    squares = magnitudes.double().flatten().square()
    ascending = squares.argsort(stable=True)
    left = squares[ascending].flip(0).cumsum(0).flip(0)
    scores = torch.empty_like(squares)
    scores[ascending] = torch.where(left > 0, squares[ascending] / left, 0.0)
    return scores.view(magnitudes.shape)


def kept(scores: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
    """Masks (bool) of the `count` highest scores over all tensors, at least the highest of each;
    ties go to the first.

    Raises ValueError where there are not so many.
    """
    first = [score.flatten().index_fill(0, score.argmax(), torch.inf) for score in scores.values()]
    everything = torch.cat(first)
    if count > len(everything):
        raise ValueError(f"expected at most {len(everything)} to keep, found {count}")
    chosen = torch.zeros(len(everything), dtype=torch.bool)
    chosen[everything.argsort(descending=True, stable=True)[: max(count, len(scores))]] = True
    parts = torch.split(chosen, [score.numel() for score in scores.values()])
    return {
        name: part.view(score.shape)
        for (name, score), part in zip(scores.items(), parts, strict=True)
    }


def magnitude_masks(weights: Mapping[str, Tensor], density: float) -> dict[str, Tensor]:
    """Masks that keep the share `density` of all weights, by their LAMP scores."""
    total = sum(weight.numel() for weight in weights.values())
    return kept(
        {name: lamp(weight.detach().cpu().abs()) for name, weight in weights.items()},
        round(density * total),
    )


def random_masks(masks: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
    """As many in each tensor as in `masks`, at places drawn by `seed` alone: the control of every
    other mask.
    """
    drawn = {}
    for name, mask in masks.items():
        generator = torch.Generator().manual_seed(stream(seed, "structure", name))
        order = torch.randperm(mask.numel(), generator=generator)
        drawn[name] = (order < int(mask.sum())).view(mask.shape)
    return drawn


def channel_scores(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """LAMP scores of the output channels (units) of each layer; a channel's magnitude is the L2
    norm of its weights.

    Li et al. ("Pruning Filters for Efficient ConvNets", ICLR 2017) rank a layer's filters by their
    L1 norm. Differs
    from the paper: L2, and LAMP, so that channels of different layers can be ranked together.
        weights: [o, i, …] each.
    """
    return {
        name: lamp(weight.detach().cpu().double().flatten(1).norm(dim=1))
        for name, weight in weights.items()
    }
