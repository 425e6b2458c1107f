"""The image sets that torchvision knows, as arrays of bytes kept in memory.

They are read from files on disk, or downloaded by torchvision.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from tlrun.core.errors import UserError
from tlrun.data.examples import examples_digest
from tlrun.data.images import download as downloading
from tlrun.data.images.formats import read_idx, read_usps
from tlrun.data.images.image_sets import IDX, SETS, Examples, Images, ImageSet
from tlrun.data.images.on_disk import files_of, folder_of, no_set, under, wanted
from tlrun.store.downloads import PATIENCE, described
from tlrun.store.problems import states_of

Read = Callable[[ImageSet, str, Path], Images]  # a set of that kind and name, from its folder


def load(
    name: str,
    root: str,
    download: bool,
    size: int,
    *,
    instead: str = "",
    patience: float = PATIENCE,
) -> Images:
    """The set `name` of SETS, every image resized to `size` x `size` pixels.

    root: the folder that its files are in; where they are, no network is needed.
    download: whether to download them where they are missing.
    instead: what else can be done where they are missing, the last words of the hint.
    patience: seconds without an answer, after which there is no network.

    The last sets are kept in memory: seeds only draw from them. Raises UserError for files that are
    missing, damaged or cannot be downloaded.
    """
    base = under(root)
    folder = folder_of(name, base)
    if folder is None and download:
        _download(name, base, instead, patience)
        folder = folder_of(name, base)
    if folder is None:
        hint = f"try dataset.download=true, or put these files there{instead}"
        raise no_set(*wanted(name, base), hint)
    return in_memory(name, folder, size, _read)


def in_memory(name: str, folder: Path, size: int, read: Read) -> Images:
    """The set `name` as `read` has it from a folder with all its files, resized and kept.

    Raises UserError as `read` does, and where images or labels are not what the set should have.
    """
    states = states_of(files_of(name, folder)) or ()
    return _decoded(name, folder, size, tuple(map(tuple, states)), read)


def _download(name: str, base: Path, instead: str, patience: float) -> None:
    """Download the files of the set into the folder where torchvision looks."""
    from torchvision import datasets

    kind = SETS[name]
    files = [f"{kind.folders[0]}/{file}".lstrip("/") for file in kind.files]
    fetch = partial(_from_torchvision, kind, download=True)
    try:
        there = partial(folder_of, name, base)
        downloading.into(base, name, files, fetch, there, patience=patience)
    except UserError:
        raise
    except downloading.TROUBLE as error:
        reason, tried = described(error), _addresses(getattr(datasets, kind.cls))
        if not any(address in reason for address in tried):
            reason = f"{', '.join(tried)}: {reason}"
        expected, found = wanted(name, base)
        found = f"{found}, and no download ({reason})"
        raise no_set(expected, found, f"try again, or put these files there{instead}") from None


def _addresses(cls: Any) -> list[str]:
    """Where a class of torchvision downloads from."""
    if hasattr(cls, "split_list"):
        return [cls.split_list["train"][0], cls.split_list["test"][0]]
    if hasattr(cls, "mirrors"):
        return list(cls.mirrors)
    return [cls.url]


def _from_torchvision(kind: ImageSet, root: Path, download: bool = False) -> tuple[Any, Any]:
    """The training and the test set as torchvision's objects.

    It checks the md5 of CIFAR and SVHN before it reads them.
    """
    from torchvision import datasets

    cls = getattr(datasets, kind.cls)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy 2.4.0 warns of the types in CIFAR's pickles
        if kind.cls == "SVHN":
            train = cls(root, split="train", download=download)
            return train, cls(root, split="test", download=download)
        train = cls(root, train=True, download=download)
        return train, cls(root, train=False, download=download)


@lru_cache(maxsize=4)
def _decoded(
    name: str, folder: Path, size: int, _states: tuple[tuple[object, ...], ...], read: Read
) -> Images:
    """A set in memory, a byte a pixel and channel. Nobody may write to it.

    Its files are read again when any of them has changed.
    """
    images = read(SETS[name], name, folder)
    train = _checked("training", images.train, images.classes, name, folder, size)
    test = _checked("test", images.test, images.classes, name, folder, size)
    pixels = np.concatenate([train.images, test.images])
    examples = examples_digest(pixels, np.concatenate([train.labels, test.labels]))
    return Images(train, test, images.classes, examples)


def _checked(
    of: str, part: Examples, classes: tuple[str, ...], name: str, folder: Path, size: int
) -> Examples:
    """The examples `of` training or test, resized and made read-only.

    Raises UserError where images or labels are not what the set should have.
    """
    images, labels = part
    shape = (SETS[name].channels, SETS[name].size, SETS[name].size)
    if images.shape[1:] != shape or not 0 < len(images) == len(labels):
        raise no_set(
            f"the {of} set of {name} in {folder}, a label for every image {shape}",
            f"{len(labels)} labels for images {images.shape}",
            "try other files",
        )
    if not 0 <= labels.min() <= labels.max() < len(classes):
        raise no_set(
            f"labels from 0 to {len(classes) - 1} in the {of} set of {name} in {folder}",
            f"{labels.min()} to {labels.max()}",
            "try other files",
        )
    done = Examples(_resized(images, size), labels.astype(np.int64))
    for array in done:
        array.flags.writeable = False
    return done


def _read(kind: ImageSet, name: str, folder: Path) -> Images:
    """The set `name` as its files have it; `examples` is left empty."""
    if kind.files == IDX:
        files = files_of(name, folder)
        train = Examples(read_idx(files[0], 3)[:, None], read_idx(files[1], 1))
        test = Examples(read_idx(files[2], 3)[:, None], read_idx(files[3], 1))
        return Images(train, test, kind.classes)
    if name == "usps":
        images, digits = read_usps(folder / kind.files[0])
        test_images, test_digits = read_usps(folder / kind.files[1])
        train = Examples(images[:, None], digits)
        return Images(train, Examples(test_images[:, None], test_digits), kind.classes)
    root = folder.parents[0] if kind.folders[0] else folder
    try:
        learn, tried = _from_torchvision(kind, root)
    except (OSError, RuntimeError) as error:
        raise no_set(
            f"{name} in {folder} with the md5 that torchvision knows",
            described(error),
            f"try deleting {', '.join(kind.files)}, then dataset.download=true",
        ) from None
    if name == "svhn":
        train = Examples(learn.data, learn.labels)
        return Images(train, Examples(tried.data, tried.labels), kind.classes)
    return Images(_of_cifar(learn), _of_cifar(tried), tuple(learn.classes))


def _of_cifar(part: Any) -> Examples:
    """The examples of one of torchvision's objects, which has its channels last."""
    return Examples(part.data.transpose(0, 3, 1, 2), np.asarray(part.targets))


def _resized(images: np.ndarray, size: int) -> np.ndarray:
    """Images [N, channels, h, w] of `size` x `size` pixels, bilinear and antialiased.

    It computes in whole numbers: the same bytes on every machine, as the digest of the data needs.
    """
    import torch
    from torch.nn.functional import interpolate

    if images.shape[-1] != size:
        pixels = torch.tensor(images)
        images = interpolate(pixels, (size, size), mode="bilinear", antialias=True).numpy()
    return np.ascontiguousarray(images)
