"""Tensors that are the parts of one, in order: what is done to all needs no copy of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class Parts(Mapping[str, "Tensor"]):
    """The n parts [...] of a tensor [n, …] by name; they are taken apart when one is looked at.

    places: the names, each with its place, which are 0, 1, … in this order. whole: the tensor. The
    parts carry its gradient wherever they are first looked at.
    """

    def __init__(self, places: Mapping[str, int], whole: Tensor) -> None:
        self.places, self.whole = places, whole
        self._parts: Sequence[Tensor] = ()

    def __getitem__(self, name: str) -> Tensor:
        place = self.places[name]
        if not self._parts:
            import torch

            with torch.set_grad_enabled(self.whole.requires_grad):
                self._parts = self.whole.unbind()
        return self._parts[place]

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


def whole(parts: Sequence[Tensor]) -> Tensor | None:
    """The tensor [n, …] whose n parts [...] those are, in order, as `unbind` gives them.

    It is what was taken apart, with its gradient; None where they are not all of one tensor. What
    is then done to the whole needs, for a gradient, one step and not one a part.
    """
    base = _base(parts[0])
    shape, size = parts[0].shape, parts[0].numel()
    if base is None or base.numel() != len(parts) * size or not base.is_contiguous():
        return None
    if any(_base(part) is not base for part in parts):
        return None
    first = base.storage_offset()
    if [part.storage_offset() for part in parts] != list(
        range(first, first + base.numel(), max(1, size))
    ):
        return None
    if any(part.shape != shape or part.requires_grad != base.requires_grad for part in parts):
        return None
    if size > 1 and not all(part.is_contiguous() for part in parts):
        return None
    return base.view(len(parts), *shape)


def _base(view: Tensor) -> Tensor | None:
    """The tensor whose memory a view looks at."""
    return view._base  # noqa: SLF001  # there is no other way to ask
