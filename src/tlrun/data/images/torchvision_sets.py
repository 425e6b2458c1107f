"""The image sets that torchvision knows, from files on disk or downloaded by it, as arrays of bytes
kept in memory.
"""

from __future__ import annotations

import warnings
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.data.examples import examples_digest
from tlrun.data.images import download as downloading
from tlrun.data.images.formats import read_idx, read_usps
from tlrun.data.images.image_sets import IDX, SETS, Examples, Images, ImageSet


def load(name: str, root: str, download: bool, size: int) -> Images:
    """The set `name`, every image resized to `size`, from the files under `root`; where there are
    none, download them.

    Files that are there are taken without any network. The last sets are kept in memory: seeds only
    draw from them. Raises UserError for files that are missing, damaged or not to be had.
    """
    try:
        base = Path(root).expanduser().absolute()
    except RuntimeError:  # ~ of somebody unknown
        raise _no_set("a folder", f"{root}, nobody's home", "try a whole path") from None
    folder = _found(name, base)
    if folder is None and download:
        _download(name, base)
        folder = _found(name, base)
    if folder is None:
        raise _no_set(*_wanted(name, base), "try dataset.download=true, or put these files there")
    return _decoded(name, folder, size)


def _no_set(expected: str, found: str, hint: str) -> UserError:
    """The files under `dataset.root` are no set that can be read."""
    return UserError(Mistake("dataset.root", expected, found, hint))


def _found(name: str, base: Path) -> Path | None:
    """The folder under `base` that has every file of the set."""
    folders = [base / folder for folder in SETS[name].folders]
    return next((folder for folder in folders if not _missing(name, folder)), None)


def _missing(name: str, folder: Path) -> list[str]:
    return [file for file in SETS[name].files if _on_disk(folder / file) is None]


def _on_disk(path: Path) -> Path | None:
    """The file itself, or, of idx files, the .gz that they are published as."""
    packed = [path.with_name(f"{path.name}.gz")] if path.name in IDX else []
    try:
        return next((file for file in (path, *packed) if file.is_file()), None)
    except OSError as error:
        raise _no_set(
            "a folder that can be read",
            f"{path.parent}: {downloading.told(error)}",
            "try another folder",
        ) from None


def _wanted(name: str, base: Path) -> tuple[str, str]:
    """What was expected where, and what of it is missing."""
    kind = SETS[name]
    folder, *others = (base / folder for folder in kind.folders)
    packed = " (each also as .gz)" if kind.files == IDX else ""
    where = "".join(f" or {other}" for other in others)
    missing = _missing(name, folder)
    found = "none of them" if len(missing) == len(kind.files) else f"no {', '.join(missing)}"
    return f"{name} as {', '.join(kind.files)}{packed} in {folder}{where}", found


def _download(name: str, base: Path) -> None:
    from torchvision import datasets

    kind = SETS[name]
    files = [f"{kind.folders[0]}/{file}".lstrip("/") for file in kind.files]
    fetch = partial(_from_torchvision, kind, download=True)
    try:
        downloading.into(base, name, files, fetch, lambda: _found(name, base) is not None)
    except UserError:
        raise
    except downloading.TROUBLE as error:
        reason, tried = downloading.told(error), _addresses(getattr(datasets, kind.cls))
        if not any(address in reason for address in tried):
            reason = f"{', '.join(tried)}: {reason}"
        expected, found = _wanted(name, base)
        raise _no_set(
            expected, f"{found}, and no download ({reason})", "try again, or put these files there"
        ) from None


def _addresses(cls: Any) -> list[str]:
    """Where a class of torchvision downloads from."""
    if hasattr(cls, "split_list"):
        return [cls.split_list[split][0] for split in ("train", "test")]
    return list(cls.mirrors) if hasattr(cls, "mirrors") else [cls.url]


def _from_torchvision(kind: ImageSet, root: Path, download: bool = False) -> tuple[Any, Any]:
    """The training and the test set as torchvision's objects. It checks the md5 of CIFAR and SVHN
    before it reads.
    """
    from torchvision import datasets

    cls = getattr(datasets, kind.cls)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy 2.4.0 warns of the types in CIFAR's pickles
        if kind.cls == "SVHN":
            return cls(root, split="train", download=download), cls(
                root, split="test", download=download
            )
        return cls(root, train=True, download=download), cls(root, train=False, download=download)


@lru_cache(maxsize=4)
def _decoded(name: str, folder: Path, size: int) -> Images:
    """A set in memory, a byte a pixel and channel. Nobody may write to it."""
    images = _read(SETS[name], name, folder)
    train = _checked("training", images.train, images.classes, name, folder, size)
    test = _checked("test", images.test, images.classes, name, folder, size)
    pixels = np.concatenate([train.images, test.images])
    examples = examples_digest(pixels, np.concatenate([train.labels, test.labels]))
    return Images(train, test, images.classes, examples)


def _checked(
    of: str, part: Examples, classes: tuple[str, ...], name: str, folder: Path, size: int
) -> Examples:
    """Examples that are what they should be, resized and locked."""
    images, labels = part
    shape = (SETS[name].channels, SETS[name].size, SETS[name].size)
    if images.shape[1:] != shape or not 0 < len(images) == len(labels):
        raise _no_set(
            f"the {of} set of {name} in {folder}, a label for every image {shape}",
            f"{len(labels)} labels for images {images.shape}",
            "try other files",
        )
    if not 0 <= labels.min() <= labels.max() < len(classes):
        raise _no_set(
            f"labels from 0 to {len(classes) - 1} in the {of} set of {name} in {folder}",
            f"{labels.min()} to {labels.max()}",
            "try other files",
        )
    done = Examples(_resized(images, size), labels.astype(np.int64))
    for array in done:
        array.flags.writeable = False
    return done


def _read(kind: ImageSet, name: str, folder: Path) -> Images:
    if kind.files == IDX:
        paths = [_on_disk(folder / file) or folder / file for file in IDX]
        arrays = [read_idx(path, dims) for path, dims in zip(paths, (3, 1, 3, 1), strict=True)]
        return Images(
            Examples(arrays[0][:, None], arrays[1]),
            Examples(arrays[2][:, None], arrays[3]),
            kind.classes,
        )
    if name == "usps":
        (train, digits), (test, test_digits) = (read_usps(folder / file) for file in kind.files)
        return Images(
            Examples(train[:, None], digits), Examples(test[:, None], test_digits), kind.classes
        )
    root = folder.parents[0] if kind.folders[0] else folder
    try:
        learn, tried = _from_torchvision(kind, root)
    except (OSError, RuntimeError) as error:
        raise _no_set(
            f"{name} in {folder} with the md5 that torchvision knows",
            downloading.told(error),
            f"try deleting {', '.join(kind.files)}, then dataset.download=true",
        ) from None
    if name == "svhn":
        return Images(
            Examples(learn.data, learn.labels), Examples(tried.data, tried.labels), kind.classes
        )
    first, second = (
        Examples(part.data.transpose(0, 3, 1, 2), np.asarray(part.targets))
        for part in (learn, tried)
    )
    return Images(first, second, tuple(learn.classes))


def _resized(images: np.ndarray, size: int) -> np.ndarray:
    """Bilinear, antialiased, in whole numbers: the same bytes on every machine, as the digest of
    the data needs.
    """
    import torch
    from torch.nn.functional import interpolate

    if images.shape[-1] != size:
        images = interpolate(
            torch.tensor(images), (size, size), mode="bilinear", antialias=True
        ).numpy()
    return np.ascontiguousarray(images)
