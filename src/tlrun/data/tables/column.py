"""A table as columns: cells, the numbers in them, and the lines they stand in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tlrun.core.errors import Mistake, UserError, nearest

LARGEST = float(np.finfo(np.float32).max)
EXACT = 1e15  # whole numbers below it are exact in float64, and are written without a point


@dataclass(frozen=True)
class Column:
    """One column of N cells.

    cells: without the spaces around them, "" where missing.
    numbers: float64 [N], nan where a cell is missing or text.
    words: bool [N], whether a cell holds text.
    lines: int64 [N], the line of the file that each cell stands in.
    """

    name: str
    cells: tuple[str, ...]
    numbers: np.ndarray
    words: np.ndarray
    lines: np.ndarray

    @cached_property
    def missing(self) -> np.ndarray:
        """Which cells are empty or nan, bool [N]."""
        missing: np.ndarray = np.isnan(self.numbers) & ~self.words
        return missing

    @cached_property
    def numeric(self) -> bool:
        """Whether every cell that is not missing holds a number."""
        return not self.words.any()

    @cached_property
    def values(self) -> tuple[tuple[str, ...], np.ndarray]:
        """The different values, and which of them each cell holds.

        The values are in order of size where they are numbers, else in the order of the alphabet.
        The second array, int64 [N], has each cell's position among them, -1 where it is missing.
        """
        codes = np.full(len(self.cells), -1, dtype=np.int64)
        present = np.flatnonzero(~self.missing)
        if self.numeric:
            numbers, positions = np.unique(self.numbers[present], return_inverse=True)
            names = tuple(map(_written, numbers.tolist()))
        else:
            cells = np.array(self.cells, dtype=object)[present]
            words, positions = np.unique(cells, return_inverse=True)
            names = tuple(words.tolist())
        codes[present] = positions
        return names, codes

    def at(self, row: int) -> str:
        """The cell of a row and the line it stands in, for a message."""
        return f"{shown(self.cells[row])} in line {self.lines[row]}"

    def check_present(self, key: str) -> None:
        """Raise UserError, naming the option `key`, where a cell is missing."""
        if self.missing.any():
            line = self.lines[self.missing.argmax()]
            expected = f"a value in every row of column {self.name}"
            raise UserError(Mistake(key, expected, f"none in line {line}"))

    def check_finite(self, key: str) -> None:
        """Raise UserError, naming the option `key`, where float32 cannot hold a number."""
        beyond = np.abs(self.numbers) > LARGEST
        if beyond.any():
            raise UserError(
                Mistake(
                    key,
                    expected=f"finite numbers in column {self.name}",
                    found=self.at(int(beyond.argmax())),
                    hint="empty the cell if it is missing",
                )
            )


@dataclass(frozen=True)
class Table:
    """A file as columns of `rows` cells each.

    columns: by their names. unnamed: how many columns were left out because they have no name.
    """

    columns: Mapping[str, Column]
    rows: int
    unnamed: int

    def column(self, name: str, key: str) -> Column:
        """The column called `name`.

        Raises UserError, naming the option `key` that asks for it, where there is none.
        """
        if name not in self.columns:
            hint = nearest(name, list(self.columns))
            raise UserError(Mistake(key, "a column", shown(name), hint))
        return self.columns[name]


def shown(text: str) -> str:
    """`text` in quotes, and only the beginning of a long one."""
    return repr(text if len(text) <= 40 else f"{text[:39]}…")


def _written(number: float) -> str:
    """What a number is called as a value: a whole one has no point."""
    if abs(number) < EXACT and number == int(number):
        return str(int(number))
    return repr(number)
