"""The image sets that torchvision knows: their files, sizes and classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

IDX = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
DIGITS = tuple("0123456789")
CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
BATCHES = tuple(f"data_batch_{k}" for k in range(1, 6))


class Examples(NamedTuple):
    """Images, uint8 [N, channels, size, size], and their labels, int64 [N]."""

    images: np.ndarray
    labels: np.ndarray


class Images(NamedTuple):
    """The training and the test set as published.

    classes: their names in label order. examples: a digest of all examples, in no order.
    """

    train: Examples
    test: Examples
    classes: tuple[str, ...]
    examples: str = ""


@dataclass(frozen=True)
class ImageSet:
    """One set, its files as torchvision has them.

    cls: the name of torchvision's class.
    folders: where under the root its files may be, first where torchvision looks.
    files: their paths in such a folder.
    task: its label space, which sets share whose labels mean the same.
    size: height and width in pixels. channels: 1 for grey, 3 for colour.
    classes: their names in label order; empty where a file of the set has them.
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
