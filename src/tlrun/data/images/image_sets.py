"""The image sets that torchvision knows: their files, sizes and classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

IDX = tuple(
    f"{of}-{what}-ubyte" for of in ("train", "t10k") for what in ("images-idx3", "labels-idx1")
)


DIGITS = tuple("0123456789")


CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip


BATCHES = tuple(f"data_batch_{k}" for k in range(1, 6))


class Examples(NamedTuple):
    """images: uint8 [N, channels, size, size]; labels: int64 [N]."""

    images: np.ndarray
    labels: np.ndarray


class Images(NamedTuple):
    """The training and the test set as published, and the names of the classes in label order."""

    train: Examples
    test: Examples
    classes: tuple[str, ...]
    examples: str = ""  # a digest of all of them, in no order


@dataclass(frozen=True)
class ImageSet:
    """One set, its files as torchvision has them.

    cls: torchvision's class. folders: where under the root its files may be, first where
        torchvision looks.
    task: its label space, which sets share whose labels mean the same. classes: empty where a file
        of the set has them.
    """

    cls: str
    folders: tuple[str, ...]
    files: tuple[str, ...]
    task: str
    size: int
    channels: int
    classes: tuple[str, ...] = ()


SETS = {
    "mnist": ImageSet("MNIST", ("MNIST/raw",), IDX, "digit", 28, 1, DIGITS),
    "usps": ImageSet("USPS", ("", "USPS"), ("usps.bz2", "usps.t.bz2"), "digit", 16, 1, DIGITS),
    "fashion_mnist": ImageSet(
        "FashionMNIST", ("FashionMNIST/raw",), IDX, "clothes", 28, 1, CLOTHES
    ),
    "cifar10": ImageSet(
        "CIFAR10",
        ("cifar-10-batches-py",),
        (*BATCHES, "test_batch", "batches.meta"),
        "cifar10",
        32,
        3,
    ),
    "cifar100": ImageSet(
        "CIFAR100", ("cifar-100-python",), ("train", "test", "meta"), "cifar100", 32, 3
    ),
    "svhn": ImageSet(
        "SVHN", ("", "SVHN"), ("train_32x32.mat", "test_32x32.mat"), "digit", 32, 3, DIGITS
    ),
}
