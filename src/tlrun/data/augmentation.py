"""Random changes to the images that a step draws, by torchvision's functions (transforms v2).

What is done to an example is a function of the seed, its domain, the epoch and its row alone: it
does not depend on how batches fall. Shapes: B images in a batch, N in a split.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from tlrun.core.seeding import stream
from tlrun.data.base import Change

NUMBERS = 7  # that are drawn for an example in an epoch, whatever is done with them
SMALLEST_AREA, STRETCH = 0.5, 0.3


class Augmentation:
    """The changes of one domain's images in one run.

    changes: what is done, in the order flip, crop, color. n: N. seed: the run's. domain: its name.
    """

    def __init__(self, changes: Collection[Change], n: int, seed: int, domain: str) -> None:
        self._changes, self._n, self._seed, self._domain = changes, n, seed, domain
        self._tables: dict[int, Tensor] = {}  # the last epochs', [N, NUMBERS] in [0, 1)

    def __call__(self, images: Tensor, rows: Tensor, epochs: Tensor) -> Tensor:
        """A batch [B, C, H, W], float32 in [0, 1] or uint8, changed; of the same type and shape.

        rows, epochs: int64 [B] on the CPU, which example of the split each image is, and how often
        the split had been gone through before.
        """
        wanted = sorted(set(epochs.tolist()))
        self._tables = {e: self._tables[e] if e in self._tables else self._drawn(e) for e in wanted}
        changed = []
        for image, row, epoch in zip(images, rows.tolist(), epochs.tolist(), strict=True):
            changed.append(self._changed(image, self._tables[epoch][row].tolist()))
        return torch.stack(changed)

    def _drawn(self, epoch: int) -> Tensor:
        seed = stream(self._seed, "augment", self._domain, epoch)
        return torch.rand(self._n, NUMBERS, generator=torch.Generator().manual_seed(seed))

    def _changed(self, image: Tensor, u: list[float]) -> Tensor:
        """One image [C, H, W], by the numbers u that were drawn for it."""
        from torchvision.transforms.v2 import functional as F  # noqa: N812  # its usual name

        if "flip" in self._changes and u[0] < 0.5:
            image = F.horizontal_flip(image)
        if "crop" in self._changes:
            height, width = image.shape[-2:]
            side = (SMALLEST_AREA + (1 - SMALLEST_AREA) * u[1]) ** 0.5
            h, w = max(1, round(side * height)), max(1, round(side * width))
            top, left = round(u[2] * (height - h)), round(u[3] * (width - w))
            image = F.resized_crop(image, top, left, h, w, [height, width], antialias=True)
        if "color" in self._changes:
            factors = [1 + STRETCH * (2 * each - 1) for each in u[4:7]]
            image = F.adjust_contrast(F.adjust_brightness(image, factors[0]), factors[1])
            if image.shape[0] == 3:
                image = F.adjust_saturation(image, factors[2])
        return image
