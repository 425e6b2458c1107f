import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tlrun.core.errors import UserError
from tlrun.core.inputs import InputSpec
from tlrun.inference.arrays import array_reader

READ = array_reader(InputSpec((2, 3)))
ONES = np.ones((4, 2, 3), np.float32)


def test_arrays_are_used_as_they_are(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", ONES)
    for new in (ONES, ONES.astype(np.float64), torch.ones(4, 2, 3), tmp_path / "a.npy"):
        rows = READ(new, {})
        assert rows.inputs.dtype == np.float32
        assert np.array_equal(rows.inputs[:], ONES)


@pytest.mark.parametrize(
    ("new", "found"),
    [
        (ONES.astype(np.uint8), r"float32 of shape \[N, 2, 3\], found uint8 of shape \[4, 2, 3\]"),
        (ONES[0], r"found float32 of shape \[2, 3\]"),
        (np.float32(1), r"found float32 of shape \[\]"),
        (ONES[:0], "at least one row, found none"),
        (np.where(np.arange(4)[:, None, None] == 2, np.nan, ONES), "nan or inf in row 3"),
        ([[1.0]], "found a list"),
    ],
)
def test_others_are_refused(new: Any, found: str) -> None:
    with pytest.raises(UserError, match=f"^new rows: expected .*{found}"):
        READ(new, {})


def test_bytes_are_no_numbers() -> None:
    bytes_only = array_reader(InputSpec((2, 3), "uint8"))
    with pytest.raises(UserError, match="expected uint8 of shape"):
        bytes_only(ONES, {})


def test_a_file_is_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "objects.npy", np.array([None], dtype=object), allow_pickle=True)
    (tmp_path / "pickle.npy").write_bytes(pickle.dumps(ONES))
    np.savez(tmp_path / "two.npz", a=ONES, b=ONES)
    for name in ("objects.npy", "pickle.npy", "two.npz", "nothing.npy"):
        with pytest.raises(UserError, match=r"^new rows: expected .*, \.npy, found"):
            READ(str(tmp_path / name), {})
