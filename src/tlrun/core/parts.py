"""Tensors that are the parts of one, in order, known as such without a copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def whole(parts: Sequence[Tensor]) -> Tensor | None:
    """The tensor [n, …] whose n parts [...] those are, in order, as `unbind` gives them.

    It is what was taken apart, with its gradient; None where they are not all of one tensor. What
    is then done to the whole needs neither a copy of the parts nor, for a gradient, a step a part.
    """
    first = parts[0]
    base = first._base  # of a view, the tensor whose memory it looks at
    shape, size = first.shape, first.numel()
    if base is None or base.numel() != len(parts) * size or not base.is_contiguous():
        return None
    if base.requires_grad != first.requires_grad:
        return None
    place = base.storage_offset()
    for part in parts:
        if part._base is not base or part.storage_offset() != place or part.shape != shape:
            return None
        if not part.is_contiguous():
            return None
        place += size
    return base.view(len(parts), *shape)
