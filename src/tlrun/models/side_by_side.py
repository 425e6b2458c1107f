"""Heads of one shape, side by side: one product for all of them.

Shapes: B examples in a batch, d features, k outputs of a head; D inputs, S heads on each.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tlrun.core.parts import whole


def stacked(tensors: Sequence[Tensor]) -> Tensor:
    """Tensors of one shape [...] as one [n, ...], with gradient to each.

    Where all are one and the same, or the parts of one, nothing is copied.
    """
    first = tensors[0]
    if all(tensor is first for tensor in tensors):
        return first.expand(len(tensors), *first.shape)
    one = whole(tensors)
    return torch.stack(tuple(tensors)) if one is None else one


def outputs_of(W: Tensor, b: Tensor, z: Tensor) -> Tensor:
    """w_i·z + b_i of D·S heads, S on each of D inputs: [D·S, k, B], an example a column.

    So the numbers of one output lie side by side, of which the softmax of a few classes is several
    times as fast as of rows of k.

    W, b: [D·S, k, d] and [D·S, k], of the S heads on the first of the z, then of those on the
    second, and so on. z: [D, B, d].
    """
    D, B, d = z.shape
    k = W.shape[1]
    if D == 1:
        return torch.addmm(b.reshape(-1, 1), W.reshape(-1, d), z[0].t()).view(-1, k, B)
    columns = torch.baddbmm(b.reshape(D, -1, 1), W.reshape(D, -1, d), z.transpose(1, 2))
    return columns.view(-1, k, B)
