"""Inputs in a file that is mapped into memory: what is asked for is read, and nothing is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import numpy as np

from tlrun.core.inputs import parts


@dataclass(frozen=True, eq=False)
class Mapped:
    """Inputs [N, …] of a file [M, …], as `core.inputs.Inputs` describes them.

    array: the whole file, from np.load(path, mmap_mode="r").
    contents: uint8 [M, 16], for each of the file a key that is equal where inputs are; None where
        none were stored.
    rows: int64 [N], which of the file, in the order they are to have; None: all.
    """

    array: np.ndarray
    contents: np.ndarray | None = None
    rows: np.ndarray | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of all: [N, …]."""
        return (len(self), *self.array.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of each number."""
        return self.array.dtype

    def __len__(self) -> int:
        return len(self.array if self.rows is None else self.rows)

    def __getitem__(self, rows: Any) -> np.ndarray:
        """The inputs in `rows`, a fresh array; read in the order of the file."""
        if self.rows is None and isinstance(rows, slice):
            return np.array(self.array[rows])
        wanted = self._positions(rows)
        order = np.argsort(wanted, kind="stable")
        in_order = np.asarray(self.array[wanted[order]])
        found = np.empty_like(in_order)
        found[order] = in_order
        return found

    def select(self, rows: np.ndarray) -> Mapped:
        """The inputs in `rows`: positions or bool [N]; none of them is read."""
        return replace(self, rows=self._positions(rows))

    def keys(self) -> np.ndarray:
        """For each input 16 bytes, uint8 [N, 16], equal where inputs are.

        Raises ValueError where none were stored.
        """
        if self.contents is None:
            raise ValueError("expected keys stored with the inputs, found none")
        return self.contents if self.rows is None else self.contents[self.rows]

    def digest(self) -> str:
        """sha256, in hex: of the keys where there are any, else of every byte."""
        total = sha256(f"{self.dtype.str} {self.shape} ".encode())
        if self.contents is not None:
            total.update(self.keys().tobytes())
        else:
            for part in parts(self):
                total.update(part.data)
        return total.hexdigest()

    def _positions(self, rows: Any) -> np.ndarray:
        """Where in the file the inputs in `rows` are, int64 [B]."""
        every = np.arange(len(self.array)) if self.rows is None else self.rows
        found: np.ndarray = every[rows]
        return found
