import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tlrun.core.errors import UserError
from tlrun.data.images import digits_file
from tlrun.data.images.digits_file import digits_files, ink_and_digits


def test_the_arrays_are_scikit_learns_to_the_bit() -> None:
    pixels, digits = load_digits(return_X_y=True)
    ink, ours = ink_and_digits()

    assert ink.shape == (1797, 8, 8)
    assert ink.dtype == pixels.dtype
    assert ours.dtype == digits.dtype
    assert ink.tobytes() == pixels.tobytes()
    assert ours.tobytes() == digits.tobytes()


def test_what_is_read_once_for_all_cannot_be_written_to() -> None:
    for array in ink_and_digits():
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_scikit_learn_is_not_imported() -> None:
    code = (
        "import sys; from tlrun.data.datasets.digits import Digits; Digits().load(0);"
        "assert 'sklearn' not in sys.modules"
    )

    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("files", "found"), [([], "found no scikit-learn"), ([Path("digits.csv.gz")], "found none")]
)
def test_a_file_that_is_not_there_is_said(
    files: list[Path], found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digits_file, "digits_files", lambda: [tmp_path / file for file in files])

    with pytest.raises(UserError, match=found):
        ink_and_digits()


def test_the_file_is_one_that_is_there() -> None:
    assert np.all([file.is_file() for file in digits_files()])
    assert len(digits_files()) == 1
