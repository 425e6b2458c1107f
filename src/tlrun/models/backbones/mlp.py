"""A multi-layer perceptron on the flattened input."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tlrun.core.options import Range

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Mlp:
    """φ(x) = h_n(…h_1(x)), h_l(x) = relu(norm(W_l x + b_l)), of x as a vector.

    hidden: the width of each of the n layers; the last one is d. norm: what stands for norm,
        BatchNorm or nothing.
    """

    hidden: tuple[Annotated[int, Range(1)], ...] = (128, 64)
    norm: Literal["none", "batch"] = "none"

    learns: ClassVar[bool] = True
    widths: ClassVar[str] = "hidden"

    @property
    def smallest_batch(self) -> int:
        """BatchNorm needs two examples: one has no variance."""
        return 2 if self.norm == "batch" else 1

    def width(self, shape: tuple[int, ...]) -> int:
        """d, whatever the `shape` of an input."""
        return self.hidden[-1]

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """φ, from [B, *shape] to [B, d], with fresh weights from torch's global generator."""
        from torch import nn

        layers: list[nn.Module] = [nn.Flatten()]
        for width_in, width in pairwise((math.prod(shape), *self.hidden)):
            layers.append(nn.Linear(width_in, width))
            if self.norm == "batch":
                layers.append(nn.BatchNorm1d(width))
            layers.append(nn.ReLU())
        return nn.Sequential(*layers)
