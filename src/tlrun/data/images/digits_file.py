"""The file of scikit-learn's digits, read without importing scikit-learn, which takes a second."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tlrun.core.errors import Mistake, UserError

if TYPE_CHECKING:
    import numpy as np


def digits_files() -> Sequence[Path]:
    """The file that holds the digits, found without importing scikit-learn.

    None is named where scikit-learn cannot be found.
    """
    package = find_spec("sklearn")
    folders = (package and package.submodule_search_locations) or ()
    return [Path(folder, "datasets", "data", "digits.csv.gz") for folder in folders]


def ink_and_digits() -> tuple[np.ndarray, np.ndarray]:
    """How much ink is in each pixel, float64 [1797, 8, 8] from 0 to 16, and the digits, int64.

    They are read once and cannot be written to. Raises UserError where there is no such file.
    """
    for file in digits_files():
        if file.is_file():
            return _read(file)
    found = "none" if digits_files() else "no scikit-learn"
    expected = "the file of the digits in the installed scikit-learn, datasets/data/digits.csv.gz"
    hint = "pip install --force-reinstall scikit-learn"
    raise UserError(Mistake("dataset", expected, found, hint))


@cache
def _read(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """The arrays of `ink_and_digits`: a line an image, its digit last. All is less than 1 MB."""
    import numpy as np

    with gzip.open(file, "rt") as lines:
        table = np.loadtxt(lines, delimiter=",")
    ink, digits = table[:, :-1].reshape(-1, 8, 8).copy(), table[:, -1].astype(int)
    ink.setflags(write=False)
    digits.setflags(write=False)
    return ink, digits
