"""New inputs that are used as they are: arrays of the type and shape of those learnt from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tlrun.core.inputs import InputSpec
from tlrun.core.paths import path_to_read
from tlrun.inference.rows import NEW, Memo, NewRows, Reader, refused


def array_reader(spec: InputSpec) -> Reader:
    """Reads arrays [N, …] of what one input is, in memory or in a file of numpy's (.npy).

    float64 is rounded to float32; no other type is converted, for it would mean other numbers.
    """
    shape = ", ".join(["N", *map(str, spec.shape)])
    wanted = f"{spec.dtype} of shape [{shape}]"

    def read_arrays(new: Any, _: Memo) -> NewRows:
        """Raises UserError where they are not of the type and shape, or not finite."""
        array = _loaded(new) if isinstance(new, str | Path) else new
        if not hasattr(array, "dtype") or not hasattr(array, "shape"):
            raise refused(wanted, f"a {type(new).__name__}")
        array = np.asarray(array)
        if spec.dtype == "float32" and array.dtype == np.float64:
            array = array.astype(np.float32)
        if array.dtype != np.dtype(spec.dtype) or array.shape[1:] != spec.shape or not array.ndim:
            raise refused(wanted, f"{array.dtype} of shape {list(array.shape)}")
        if not len(array):
            raise refused("at least one row", "none")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            row = int(np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))[0])
            raise refused("finite numbers", f"nan or inf in row {row + 1}")
        return NewRows(np.ascontiguousarray(array))

    return read_arrays


def _loaded(path: str | Path) -> np.ndarray:
    """The array in a file; one that would have to be unpickled is refused."""
    place = path_to_read(path, NEW, "a file of numpy's, .npy")
    try:
        found = np.load(place, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        why = " ".join(str(error).split())[:100]
        raise refused("a file of numpy's, .npy", f"{place}: {why}") from None
    if not isinstance(found, np.ndarray):
        raise refused("one array, .npy", f"several at {place}")
    return found
