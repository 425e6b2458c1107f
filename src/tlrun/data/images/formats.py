"""Image files of two old formats, each read whole and checked whole.

They are idx (MNIST and its kin) and libsvm text (USPS).
"""

from __future__ import annotations

import bz2
import gzip
import math
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.core.packed import unpacked

UNSIGNED_BYTE = 0x08  # the type of every idx file here
USPS_PIXELS = 256


def read_idx(path: Path, dims: int) -> np.ndarray:
    """The unsigned bytes, uint8 [N, …] of `dims` axes, in the idx file at `path`, plain or .gz.

    Raises UserError, naming the file, where it is of another kind, cut short or longer than it
    says.
    """
    raw = _contents(path, gzip.open if path.suffix == ".gz" else open)
    magic, head = UNSIGNED_BYTE << 8 | dims, 4 * (1 + dims)
    if len(raw) < head:
        raise _damaged(path, f"a head of {head} bytes", f"{len(raw)} bytes in all")
    first = int.from_bytes(raw[:4], "big")
    if first != magic:
        expected = f"an idx file of {dims} axes (it begins with 0x{magic:08x})"
        raise _damaged(path, expected, f"0x{first:08x}")
    shape = np.frombuffer(raw, ">u4", dims, offset=4).tolist()
    size = head + math.prod(shape)
    if len(raw) != size:
        expected = f"{size} bytes ({'x'.join(map(str, shape))} and a head of {head})"
        raise _damaged(path, expected, f"{len(raw)}")
    return np.frombuffer(raw, np.uint8, offset=head).reshape(shape)


def read_usps(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images, uint8 [N, 16, 16], and their digits, int64 [N], in the bz2 file at `path`.

    Its lines are `digit+1 1:x 2:x … 256:x` with x in [-1, 1]; pixels are (x+1)/2·255, cut to whole
    numbers, as torchvision has them. Raises UserError, naming the file, for anything else.
    """
    text = _contents(path, bz2.open)
    form = f"lines of a label from 1 to 10 and 1:x to {USPS_PIXELS}:x"
    lines, width = len(text.splitlines()), 1 + 2 * USPS_PIXELS
    numbers = _numbers(text.replace(b":", b" "))
    if numbers is None:
        raise _damaged(path, form, "something that is no number")
    if numbers.size != lines * width:
        found = f"{numbers.size} numbers in {lines} lines instead of {lines * width}"
        raise _damaged(path, form, found)
    table = numbers.reshape(lines, width)
    labels, positions, x = table[:, 0], table[:, 1::2], table[:, 2::2]
    right_labels = np.isin(labels, np.arange(1, 11)).all()
    right_positions = (positions == np.arange(1, USPS_PIXELS + 1)).all()
    if not (right_labels and right_positions):
        raise _damaged(path, form, "other labels or places")
    if not (np.abs(x) <= 1).all():  # false for nan as well
        raise _damaged(path, f"{form}, each x in [-1, 1]", "an x beyond")
    return ((x + 1) / 2 * 255).astype(np.uint8).reshape(-1, 16, 16), labels.astype(np.int64) - 1


def _numbers(text: bytes) -> np.ndarray | None:
    """The numbers, float32, between the white space of a text; None where some are no numbers."""
    if not text.strip():  # fromstring would see one number in it
        return np.empty(0, np.float32)
    with warnings.catch_warnings():
        # numpy's word for a text that it cannot read to its end
        warnings.simplefilter("error", DeprecationWarning)
        try:
            return np.fromstring(text, dtype=np.float32, sep=" ")
        except (DeprecationWarning, ValueError):
            return None


def _contents(path: Path, opener: Callable[[Path, str], Any]) -> bytes:
    try:
        return unpacked(path, opener)
    # ValueError: a bz2 file that ends too soon
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise _damaged(path, "a whole file that can be read", str(error)) from None


def _damaged(path: Path, expected: str, found: str) -> UserError:
    hint = "try another copy of that file"
    return UserError(Mistake("dataset.root", f"{path} to hold {expected}", found, hint))
