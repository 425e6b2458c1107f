"""What tells domains of the same photos apart: no colour, no sharpness, or noise.

All but the noise is computed in whole numbers: the same bytes on every machine.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

NOISE = 50  # its standard deviation, of 255
BLOCK = 1000  # images at a time, whose noise is held as numbers of 4 bytes
LUMINANCE = (19595, 38470, 7471)  # of red, green and blue, in 65536ths (ITU-R BT.601)
BINOMIAL = (1, 4, 6, 4, 1)  # in 16ths: nearly a Gaussian of one pixel
PASSES = 2  # of it, each of one pixel: together √2 pixels


def plain(images: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """The images [N, 3, H, W] as they are."""
    return images


def grey(images: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """The luminance of images [N, 3, H, W], in all three channels."""
    total = np.full((len(images), *images.shape[2:]), 1 << 15, np.uint32)  # half: it is rounded
    for channel, weight in enumerate(LUMINANCE):
        total += np.uint32(weight) * images[:, channel]
    return np.repeat((total >> 16).astype(np.uint8)[:, None], 3, axis=1)


def blur(images: np.ndarray, _: np.random.Generator) -> np.ndarray:
    """The images [N, C, H, W] out of focus by √2 pixels; beyond an edge its pixels go on."""
    for _pass in range(PASSES):
        # 16 · 16 · 255 + 128 is less than 2 ** 16
        total = _binomial(_binomial(images.astype(np.uint16), 2), 3)
        images = ((total + np.uint16(128)) >> 8).astype(np.uint8)
    return images


def _binomial(images: np.ndarray, axis: int) -> np.ndarray:
    """16 times the weighted mean of every pixel and the two on each side of it along `axis`."""
    around = [(0, 0)] * images.ndim
    around[axis] = (2, 2)
    padded, size = np.pad(images, around, mode="edge"), images.shape[axis]
    total = np.zeros_like(images)
    for place, weight in enumerate(BINOMIAL):
        total += np.uint16(weight) * np.take(padded, np.arange(place, place + size), axis)
    return total


def noise(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The images with normal noise of its own in every pixel and channel, cut to bytes."""
    noisy = np.empty_like(images)
    for start in range(0, len(images), BLOCK):
        part = images[start : start + BLOCK]
        drawn = part + NOISE * rng.standard_normal(part.shape, np.float32)
        noisy[start : start + BLOCK] = np.rint(drawn).clip(0, 255)
    return noisy


SHIFTS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "plain": plain,
    "grey": grey,
    "blur": blur,
    "noise": noise,
}
