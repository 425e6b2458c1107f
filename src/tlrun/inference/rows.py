"""New rows as they are read for one model, and how mistakes in them are told. N rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.core.inputs import Inputs, selected

NEW = "new rows"  # the key of a mistake in them
Tell = Callable[[str], None]  # is told how far something long has come
NUMBER = re.compile(r"(?<![\w'\"])[0-9][0-9.,]*")
# What was read for one model of several is not read again for the next, by what it was read with.
Memo = dict[Any, Any]


@dataclass(frozen=True, eq=False)
class NewRows:
    """N inputs.

    domains: which domain each is of, by name, [N], "" where the rows say none that is known; None
    where they say nothing of domains. column: that says so. told: lines for the user. files: what
    each was read from, where it is a file of its own.
    """

    inputs: Inputs
    domains: np.ndarray | None = None
    column: str = ""
    told: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)

    def select(self, rows: np.ndarray) -> NewRows:
        """Those in `rows`, positions, as inputs alone."""
        return replace(self, inputs=selected(self.inputs, rows), domains=None, told=(), files=())


Reader = Callable[[Any, Memo], NewRows]


@contextmanager
def about_new_rows() -> Iterator[None]:
    """Mistakes that are told of a data set's options are told of the new rows instead.

    Raises UserError, where one is raised within.
    """
    try:
        yield
    except UserError as error:
        raise UserError(*map(_of_new, error.mistakes)) from None


def _of_new(mistake: Mistake) -> Mistake:
    if not mistake.key.startswith("dataset."):
        return mistake
    hint = mistake.hint
    if "dataset." in hint:  # there is no option here: they are read as the others were
        hint = "write them as what was learnt from is written"
    return Mistake(NEW, mistake.expected, mistake.found, hint)


def silent(line: str) -> None:
    """Tell nobody."""


def refused(expected: str, found: str, hint: str = "") -> UserError:
    """The new rows are not what they are to be."""
    return UserError(Mistake(NEW, expected, found, hint))


def counted(count: int) -> str:
    """So many rows, in words."""
    return f"{count:,} {'row' if count == 1 else 'rows'}"


def noted(told: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """What several models tell of the same rows; of lines with other numbers alone, the first's.

    Each has its own means, by another draw of what it learnt from. told: of each model.
    """
    lines: list[str] = []
    known: set[str] = set()
    for of_one in told:
        lines += [line for line in of_one if _without_numbers(line) not in known]
        known |= set(map(_without_numbers, of_one))
    return tuple(lines)


def _without_numbers(line: str) -> str:
    """What a line says of a column, which may be called a number, as its values may."""
    column, colon, said = line.partition(": ")
    return column + colon + NUMBER.sub("#", said)
