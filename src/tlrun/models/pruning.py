"""What of a trained network to keep, as pure functions of its weights.

Magnitudes decide; no weight's value is handed on. Masks are bool, True where a weight is kept, each
of the shape of its weight tensor and under its name.

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
    """score_u = a_u² / Σ_v a_v², the sum over u itself and all v whose a_v is larger.

    magnitudes: a ≥ 0, of any shape. Gives the scores in float64, in the same shape.

    Of equal magnitudes the later one counts as larger. The largest of a tensor has score 1. Scaling
    a tensor changes no score; zeros have score 0.
    """
    squares = magnitudes.double().flatten().square()
    ascending = squares.argsort(stable=True)
    left = squares[ascending].flip(0).cumsum(0).flip(0)
    scores = torch.empty_like(squares)
    scores[ascending] = torch.where(left > 0, squares[ascending] / left, 0.0)
    return scores.view(magnitudes.shape)


def kept(scores: Mapping[str, Tensor], count: int) -> dict[str, Tensor]:
    """Masks of the `count` highest scores over all tensors; of equal ones the first is kept.

    The highest score of each tensor is kept in any case, so that no layer is cut through.

    scores: by the name of the weight tensor, in its shape. Raises ValueError where there are fewer
    than `count`.
    """
    first = [score.flatten().index_fill(0, score.argmax(), torch.inf) for score in scores.values()]
    everything = torch.cat(first)
    if count > len(everything):
        raise ValueError(f"expected at most {len(everything)} to keep, found {count}")
    chosen = torch.zeros(len(everything), dtype=torch.bool)
    chosen[everything.argsort(descending=True, stable=True)[: max(count, len(scores))]] = True
    masks, start = {}, 0
    for name, score in scores.items():
        end = start + score.numel()
        masks[name] = chosen[start:end].view(score.shape)
        start = end
    return masks


def magnitude_masks(weights: Mapping[str, Tensor], density: float) -> dict[str, Tensor]:
    """Masks that keep the share `density`, in (0, 1], of all weights, by their LAMP scores.

    weights: the weight tensors, by name.
    """
    scores = {name: lamp(weight.detach().cpu().abs()) for name, weight in weights.items()}
    total = sum(weight.numel() for weight in weights.values())
    return kept(scores, round(density * total))


def random_masks(masks: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
    """Masks that keep as many weights of each tensor as `masks`, at random: a control for those.

    seed: the run's; with the shapes and numbers, it alone decides the positions.
    """
    drawn = {}
    for name, mask in masks.items():
        generator = torch.Generator().manual_seed(stream(seed, "structure", name))
        order = torch.randperm(mask.numel(), generator=generator)
        drawn[name] = (order < int(mask.sum())).view(mask.shape)
    return drawn


def channel_scores(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """LAMP scores [o] of the o output channels (units) of each layer, by the layer's name.

    A channel's magnitude is the L2 norm of its weights. weights: [o, i, …] each, by name.

    Li et al. ("Pruning Filters for Efficient ConvNets", ICLR 2017) rank a layer's filters by their
    L1 norm. Differs from the paper: L2, and LAMP, so that channels of different layers can be
    ranked together.
    """
    scores = {}
    for name, weight in weights.items():
        norms = weight.detach().cpu().double().flatten(1).norm(dim=1)
        scores[name] = lamp(norms)
    return scores
