"""Images that stand in for CIFAR-10 where it is not to be had: digits on coloured texture.

They have its shape, and ten classes, and are a problem of their own: nothing that is measured on
them holds for photos.
"""

from __future__ import annotations

import numpy as np

from tlrun.core.seeding import stream
from tlrun.data.images.digits_file import ink_and_digits
from tlrun.data.images.image_sets import Examples, Images

TRAIN, TEST = 5000, 2000
SIZE, CLASSES = 32, 10
SCALE = 3  # a digit of 8x8 is 24x24 pixels
FULL = 16  # the ink of scikit-learn's digits is 0 to 16
NAMES = tuple(f"stand-in digit {k}" for k in range(CLASSES))


def made() -> Images:
    """The training and the test set, the same bytes at every call; `examples` is left empty.

    Every third of scikit-learn's 1797 digits is shown in the test set alone, the others in the
    training set alone, each several times, at other places and in other colours.
    """
    pixels, digits = ink_and_digits()
    ink = pixels.astype(np.uint8)
    tested = np.arange(len(ink)) % 3 == 0
    return Images(
        _examples(ink[~tested], digits[~tested], TRAIN, "train"),
        _examples(ink[tested], digits[tested], TEST, "test"),
        NAMES,
    )


def _examples(ink: np.ndarray, digits: np.ndarray, count: int, of: str) -> Examples:
    """`count` images of the digits whose `ink` [M, 8, 8] is given, as many of each class."""
    rng = np.random.default_rng(stream(0, "split", "stand-in", of))
    labels = rng.permutation(np.arange(count) % CLASSES)
    chosen = np.empty(count, np.int64)
    for k in range(CLASSES):
        rows = np.flatnonzero(labels == k)
        # all of the class, each about as often
        chosen[rows] = np.resize(rng.permutation(np.flatnonzero(digits == k)), len(rows))
    drawn = _placed(ink[chosen], rng)[:, None]
    back, front = _background(count, rng), rng.integers(96, 256, (count, 3, 1, 1))
    images = (back * (FULL - drawn) + front * drawn) // FULL
    return Examples(images.astype(np.uint8), labels)


def _placed(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The ink [N, 8, 8], larger and each somewhere in an image of its own, int64."""
    large = ink.repeat(SCALE, axis=1).repeat(SCALE, axis=2)
    side = large.shape[1]
    placed = np.zeros((len(ink), SIZE, SIZE), np.int64)
    corners = rng.integers(0, SIZE - side + 1, (len(ink), 2))
    for image, digit, (top, left) in zip(placed, large, corners.tolist(), strict=True):
        image[top : top + side, left : left + side] = digit
    return placed


def _background(count: int, rng: np.random.Generator) -> np.ndarray:
    """A colour for each image, with patches lighter than it and grain, int64 in 0 to 191."""
    colour = rng.integers(0, 112, (count, 3, 1, 1))
    patches = rng.integers(0, 64, (count, 1, 8, 8)).repeat(4, axis=2).repeat(4, axis=3)
    return colour + patches + rng.integers(0, 16, (count, 3, SIZE, SIZE))
