"""No extractor: z is the input, flattened. The model is then linear in its input."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Identity:
    """φ(x) = x as a vector of d = C·H·W numbers; no parameters."""

    learns: ClassVar[bool] = False

    def width(self, shape: tuple[int, ...]) -> int:
        """d: how many numbers an input of `shape` holds."""
        return math.prod(shape)

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """φ, from [B, *shape] to [B, d]; nothing is drawn."""
        from torch import nn

        return nn.Flatten()
