"""Values far from all others: a slip of the pen, or a number that stands for a missing value.

One of them rules the scale of its column, and with it every row. Shapes: N rows of the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.data.tables.column import Column

ABSURD = 1e6  # deviations of the other rows from which on no measurement is meant
FAR = 1e3  # from which on it is told
ALONE = 100  # times as far as the next value, as no measurement is that only has a long tail
GAP = 2.0  # ranges of the other values that lie between them and a value that stands for none
NINES = re.compile(r"[+-]?9+(\.9*0*)?")  # what people write where they have no value
ENOUGH = 5  # values beside the most frequent one from which on they tell a size
QUARTILES = 1.349  # deviations between the quartiles of a normal distribution


def check_far_values(
    column: Column, fitted: np.ndarray, used: np.ndarray, key: str, asked: bool = False
) -> list[str]:
    """Lines for the user about a column of numbers.

    fitted: the rows that say its scale; used: those that are read at all; both bool [N]. asked:
    whether the user has named the column, and so is only told. Raises UserError, naming the option
    `key`, for a value that is absurd.
    """
    known = column.numbers[fitted & ~column.missing]
    if not len(known) or known.min() == known.max():
        return []
    fills = list(_fill_values(column, used))
    median, spread = float(np.median(known)), _spread(known)
    away = np.where(used & ~column.missing, np.abs(column.numbers - median) / spread, 0.0)
    row = int(away.argmax())
    nearer = away[column.numbers != column.numbers[row]]
    if away[row] <= max(FAR, ALONE * nearer.max()):
        return fills  # to say where it stands, the file would be looked through again
    found = f"{column.at(row)}, {away[row]:.2g} deviations from the median {median:.4g}"
    if away[row] > ABSURD and not asked:
        named = ""
        if key == "dataset.inputs":
            named = f"; dataset.inputs=[…,{column.name}] takes it as it is"
        raise UserError(
            Mistake(
                key,
                expected=f"numbers of one size in column {column.name}",
                found=found,
                hint="mend it, or add it to dataset.missing where it stands for a missing value"
                f"{named}",
            )
        )
    return fills or [f"column {column.name}: {found}"]


def _spread(known: np.ndarray) -> float:
    """A deviation that no few values rule, if there are enough to tell; `known` are to differ."""
    low, high = np.quantile(known, [0.25, 0.75])
    if high > low:
        return float((high - low) / QUARTILES)
    # most values are one value, zero of a count say: the others tell the size
    others = np.abs(known[known != low] - low)
    rest = others[others != others.max()]
    return float(rest.max()) if len(rest) >= ENOUGH else float(known.std())


def _fill_values(column: Column, used: np.ndarray) -> Iterator[str]:
    """A line for the least and for the greatest value, where it repeats far from all others."""
    numbers = column.numbers[used & ~column.missing]
    while len(numbers) and (end := _far_end(numbers)) is not None:
        count = int((numbers == end).sum())
        written = column.text[int((column.numbers == end).argmax())].as_py()
        numbers = numbers[numbers != end]
        yield (
            f"column {column.name}: {written} in {count} rows, beside {numbers.min():.4g} to "
            f"{numbers.max():.4g}; if it stands for a missing value, add it: "
            f"dataset.missing=[…,{written}]"
        )


def _far_end(numbers: np.ndarray) -> float | None:
    """The least or greatest number where it repeats and looks like no value of the others.

    That is far from them; or written in nines, and below 0 where they are not, or beyond their
    range.
    """
    for end in (float(numbers.min()), float(numbers.max())):
        others = numbers[numbers != end]
        if len(numbers) - len(others) < 2 or not len(others):
            continue
        least, most = float(others.min()), float(others.max())
        gap = least - end if end < least else end - most
        far = most > least and gap > GAP * (most - least)
        nines = NINES.fullmatch(f"{end:.15g}") is not None
        if far or (nines and ((end < 0 <= least) or (end >= 99 and gap > (most - least) / 2))):
            return end
    return None
