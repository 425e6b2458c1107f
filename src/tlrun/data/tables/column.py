"""A table as columns: cells, the numbers in them, and the lines they stand in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tlrun.core.errors import Mistake, UserError, nearest

LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Column:
    """One column of N cells.

    cells: without the spaces around them, "" where missing. numbers: float64 [N], nan where missing
        or text.
    words: bool [N], whether a cell holds text. lines: int64 [N], each cell's line in the file.
    """

    name: str
    cells: tuple[str, ...]
    numbers: np.ndarray
    words: np.ndarray
    lines: np.ndarray

    @cached_property
    def missing(self) -> np.ndarray:
        """bool [N]: whether a cell is empty or nan."""
        missing: np.ndarray = np.isnan(self.numbers) & ~self.words
        return missing

    @cached_property
    def numeric(self) -> bool:
        """Whether every cell that is there holds a number."""
        return not self.words.any()

    @cached_property
    def values(self) -> tuple[tuple[str, ...], np.ndarray]:
        """The different values in order (of size, where they are numbers), and int64 [N], each
        cell's; -1: missing.
        """
        codes = np.full(len(self.cells), -1, dtype=np.int64)
        there = np.flatnonzero(~self.missing)
        if self.numeric:
            found, places = np.unique(self.numbers[there], return_inverse=True)
            names = tuple(
                str(int(x)) if abs(x) < 1e15 and x == int(x) else repr(x) for x in found.tolist()
            )
        else:
            words, places = np.unique(
                np.array([self.cells[i] for i in there], dtype=object), return_inverse=True
            )
            names = tuple(words.tolist())
        codes[there] = places
        return names, codes

    def at(self, place: int) -> str:
        """A cell and its line, for a message."""
        return f"{shown(self.cells[place])} in line {self.lines[place]}"

    def check_present(self, key: str) -> None:
        """Raise UserError, naming the option `key`, where a cell is missing."""
        if self.missing.any():
            line = self.lines[self.missing.argmax()]
            raise UserError(
                Mistake(
                    key,
                    expected=f"a value in every row of column {self.name}",
                    found=f"none in line {line}",
                )
            )

    def check_finite(self, key: str) -> None:
        """Raise UserError, naming the option `key`, where a number is infinite or float32 cannot
        hold it.
        """
        if (beyond := np.abs(self.numbers) > LARGEST).any():
            found = self.at(int(beyond.argmax()))
            raise UserError(
                Mistake(
                    key,
                    expected=f"finite numbers in column {self.name}",
                    found=found,
                    hint="empty the cell if it is missing",
                )
            )


@dataclass(frozen=True)
class Table:
    """A file as columns of N cells. unnamed: how many columns were left out, for they have no
    name.
    """

    columns: Mapping[str, Column]
    rows: int
    unnamed: int

    def column(self, name: str, key: str) -> Column:
        """The column called `name`. Raises UserError, naming the option `key`, where there is
        none.
        """
        if name not in self.columns:
            raise UserError(
                Mistake(
                    key,
                    expected="a column",
                    found=shown(name),
                    hint=nearest(name, list(self.columns)),
                )
            )
        return self.columns[name]


def shown(text: str) -> str:
    """`text` in quotes, and not all of a long one."""
    return repr(text if len(text) <= 40 else f"{text[:39]}…")
