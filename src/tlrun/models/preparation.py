"""What is done to images before φ's first layer: a part of φ, so that weights and it stay together.

Shapes: B images in a batch of C channels, H x W.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from tlrun.models.backbone import Pixels


class Preparation(nn.Module):
    """x ↦ (x - mean) / deviation, a channel at a time, of images x in [0, 1] or of bytes.

    Bytes, uint8, are divided by 255 first. Without `pixels` that is all; with it, grey images are
    repeated in its channels. Mean and deviation are buffers, stored with φ's weights.
    """

    def __init__(self, pixels: Pixels | None = None) -> None:
        super().__init__()
        self.channels = 0 if pixels is None else pixels.channels
        if pixels is not None:
            self.register_buffer("mean", torch.tensor(pixels.mean).view(-1, 1, 1))
            self.register_buffer("deviation", torch.tensor(pixels.deviation).view(-1, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Images [B, C, H, W] as the first layer wants them, float32."""
        if images.dtype == torch.uint8:
            images = images.float() / 255
        if not self.channels:
            return images
        # subtraction repeats grey
        return (images - self.get_buffer("mean")) / self.get_buffer("deviation")
