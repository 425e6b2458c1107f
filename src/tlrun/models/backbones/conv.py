"""A small convolutional extractor: by default two convolutions, each halving the image."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tlrun.core.errors import Mistake, UserError
from tlrun.core.inputs import Kind
from tlrun.core.options import Range

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Conv:
    """φ(x) = h_n(…h_1(x)) flattened, h_l(x) = maxpool_2(relu(norm(conv_3x3(x)))).

    channels: how many each of the n layers puts out. norm: what stands for norm, BatchNorm or
        nothing.

    An image of H x W gives d = channels[-1] · ⌊H/2^n⌋ · ⌊W/2^n⌋ features.
    """

    channels: tuple[Annotated[int, Range(1)], ...] = (32, 64)
    norm: Literal["none", "batch"] = "none"

    learns: ClassVar[bool] = True
    widths: ClassVar[str] = "channels"
    takes: ClassVar[tuple[Kind, ...]] = ("image",)

    @property
    def smallest_batch(self) -> int:
        """BatchNorm needs two images: one would be normalised by itself, and never so again."""
        return 2 if self.norm == "batch" else 1

    def width(self, shape: tuple[int, ...]) -> int:
        """d for images of `shape` (C, H, W).

        Raises UserError for one too small for so many layers.
        """
        depth = len(self.channels)
        most = min(shape[1:]).bit_length() - 1
        if depth > most:
            expected = f"at most {most} layers for images of {shape[1]}x{shape[2]}"
            raise UserError(Mistake("backbone.channels", expected, str(depth)))
        return self.channels[-1] * (shape[1] >> depth) * (shape[2] >> depth)

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """φ, from [B, C, H, W] to [B, d], with fresh weights from torch's global generator."""
        from torch import nn

        layers: list[nn.Module] = []
        for channels_in, channels in pairwise((shape[0], *self.channels)):
            layers.append(nn.Conv2d(channels_in, channels, kernel_size=3, padding=1))
            if self.norm == "batch":
                layers.append(nn.BatchNorm2d(channels))
            # relu after the pool: the same function, a quarter of the work
            layers += [nn.MaxPool2d(2), nn.ReLU()]
        return nn.Sequential(*layers, nn.Flatten())
