"""The stand-in for CIFAR-10 as files: laid out and pickled as CIFAR-10 is.

    <root>/stand-in/
      cifar-10-batches-py/   data_batch_1 … data_batch_5, test_batch, batches.meta
      SHA256SUMS             their digests, as sha256sum writes them

torchvision knows no md5 of them, so they are read here. A pickle can do anything where it is loaded
as it is: these are loaded without any class or function but the five that make an array of numpy.
"""

from __future__ import annotations

import codecs
import hashlib
import pickle
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from tlrun.core.errors import UserError
from tlrun.data.images import download as downloading
from tlrun.data.images.image_sets import BATCHES, SETS, Examples, Images, ImageSet
from tlrun.data.images.on_disk import folder_of, no_set
from tlrun.data.images.stand_in_images import made
from tlrun.store.downloads import described

CIFAR10 = "cifar10"
LAYOUT = SETS[CIFAR10].folders[0]
FILES = tuple(f"{LAYOUT}/{file}" for file in SETS[CIFAR10].files)
SUMS = "SHA256SUMS"
PROTOCOL = 2  # of CIFAR-10's own
_ARRAY = np.empty(0).__reduce__()[0]  # the function that numpy's pickles call
PLAIN = {
    ("numpy.core.multiarray", "_reconstruct"): _ARRAY,
    ("numpy._core.multiarray", "_reconstruct"): _ARRAY,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): codecs.encode,
}


def is_there(place: Path) -> bool:
    """Whether the folder `place` has the whole stand-in."""
    return folder_of(CIFAR10, place) is not None and (place / SUMS).is_file()


def write(place: Path) -> None:
    """Make the stand-in and put its files into the folder `place`, where they are not there yet.

    Raises UserError where nothing can be written there.
    """
    said, there = f"making a stand-in for {CIFAR10}", partial(is_there, place)
    try:
        downloading.into(place, CIFAR10, [*FILES, SUMS], _fill, there, said)
    except UserError:
        raise
    except OSError as error:
        found = f"{place}: {described(error)}"
        raise no_set("a folder that can be written to", found, "try another folder") from None


def read(kind: ImageSet, name: str, folder: Path) -> Images:
    """The stand-in for the set `name`, of the given kind, from its own `folder` of batches.

    Raises UserError where its files are not those that were written.
    """
    try:
        sums = _sums(folder.parent / SUMS)
        parts = {file: _batch(folder / file, sums) for file in kind.files}
        names = parts["batches.meta"]["label_names"]
        train = [_examples(parts[file]) for file in BATCHES]
        test = _examples(parts["test_batch"])
    # whatever is wrong with a file's bytes, and a key that is not there
    except (*downloading.TROUBLE, pickle.UnpicklingError, LookupError, TypeError) as error:
        expected = f"the stand-in for {name} in {folder.parent} as it was written"
        hint = "delete that folder, and it is made again"
        raise no_set(expected, described(error), hint) from None
    images, labels = zip(*train, strict=True)
    learn = Examples(np.concatenate(images), np.concatenate(labels))
    return Images(learn, test, tuple(names))


def _fill(root: Path) -> None:
    """Write every file of the stand-in below `root`."""
    images, sums = made(), []
    parts = dict(zip(BATCHES, _in_batches(images.train), strict=True))
    contents = {file: _content(part, f"training batch {file[-1]}") for file, part in parts.items()}
    contents["test_batch"] = _content(images.test, "testing batch")
    contents["batches.meta"] = {
        "num_cases_per_batch": len(parts[BATCHES[0]].labels),
        "label_names": list(images.classes),
        "num_vis": images.train.images[0].size,
    }
    (root / LAYOUT).mkdir()
    for file, content in contents.items():
        raw = pickle.dumps(content, PROTOCOL)
        (root / LAYOUT / file).write_bytes(raw)
        sums.append(f"{hashlib.sha256(raw).hexdigest()}  {LAYOUT}/{file}\n")
    (root / SUMS).write_text("".join(sums), encoding="utf-8")


def _in_batches(examples: Examples) -> list[Examples]:
    """Some examples in as many parts as CIFAR-10 has files of them."""
    images, labels = (np.split(array, len(BATCHES)) for array in examples)
    return [Examples(*part) for part in zip(images, labels, strict=True)]


def _content(part: Examples, label: str) -> dict[str, Any]:
    """What one file holds, with the keys that CIFAR-10's have."""
    return {
        "batch_label": f"{label} of a stand-in for CIFAR-10",
        "labels": part.labels.tolist(),
        "data": part.images.reshape(len(part.images), -1),
        "filenames": [f"stand_in_{row:05d}.png" for row in range(len(part.labels))],
    }


def _examples(content: dict[str, Any]) -> Examples:
    """The examples of one file. Raises TypeError where its images are no bytes."""
    pixels, size = np.asarray(content["data"]), SETS[CIFAR10].size
    if pixels.dtype != np.uint8:
        raise TypeError(f"images of {pixels.dtype}")
    return Examples(pixels.reshape(-1, 3, size, size), np.asarray(content["labels"], np.int64))


def _sums(path: Path) -> dict[str, str]:
    """The digest of every file, by its name."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {name.rpartition("/")[2]: digest for digest, name in map(str.split, lines)}


def _batch(path: Path, sums: dict[str, str]) -> dict[str, Any]:
    """What a file holds, once its bytes are proved."""
    raw = path.read_bytes()
    if hashlib.sha256(raw).hexdigest() != sums[path.name]:
        raise ValueError(f"another {path.name}")
    content = _Plain(BytesIO(raw)).load()
    if not isinstance(content, dict):
        raise TypeError(f"{path.name} with something else in it")
    return content


class _Plain(pickle.Unpickler):
    """Of what pickles may hold: numbers, text, lists, dicts and numpy's arrays."""

    def find_class(self, module: str, name: str) -> Any:
        """One of the few things that an array of numpy is made with.

        Raises UnpicklingError for any other.
        """
        try:
            return PLAIN[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"a pickle that asks for {module}.{name}") from None
