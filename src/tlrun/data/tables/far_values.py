"""Values far from all others: a slip of the pen, or a number that stands for a missing value.

One of them rules the scale of its column, and with it every row. Shapes: N rows of the table.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.data.tables.column import Column

ABSURD = 1e6  # deviations of the other rows from which on no measurement is meant
FAR = 1e3  # from which on it is told
GAP = 2.0  # ranges of the other values that lie between them and a value that stands for none
QUARTILES = 1.349  # deviations between the quartiles of a normal distribution


def check_far_values(column: Column, fitted: np.ndarray, used: np.ndarray, key: str) -> list[str]:
    """Lines for the user about a column of numbers.

    fitted: the rows that say its scale; used: those that are read at all; both bool [N]. Raises
    UserError, naming the option `key`, for a value that is absurd.
    """
    known = column.numbers[fitted & ~column.missing]
    if not len(known) or known.min() == known.max():
        return []
    fills = list(_fill_values(column, used))
    median, spread = float(np.median(known)), _spread(known)
    if not spread:
        return fills
    away = np.where(used & ~column.missing, np.abs(column.numbers - median) / spread, 0.0)
    row = int(away.argmax())
    if away[row] <= FAR:  # to say where it stands, the file is looked through again
        return fills
    found = f"{column.at(row)}, {away[row]:.2g} deviations from the median {median:.4g}"
    if away[row] > ABSURD:
        raise UserError(
            Mistake(
                key,
                expected=f"numbers of one size in column {column.name}",
                found=found,
                hint="mend it, or add it to dataset.missing where it stands for a missing value",
            )
        )
    return fills or [f"column {column.name}: {found}"]


def _spread(known: np.ndarray) -> float:
    """A deviation that no few values rule; 0 where all but one are equal."""
    low, high = np.quantile(known, [0.25, 0.75])
    if high > low:
        return float((high - low) / QUARTILES)
    median = np.median(known)
    furthest = known[np.abs(known - median).argmax()]
    return float(known[known != furthest].std())


def _fill_values(column: Column, used: np.ndarray) -> Iterator[str]:
    """A line for the least and for the greatest value, where it repeats far from all others."""
    numbers = column.numbers[used & ~column.missing]
    low, high = numbers.min(), numbers.max()
    for end in (low, high):
        others = numbers[numbers != end]
        count = len(numbers) - len(others)
        if count < 2 or not len(others):
            continue
        least, most = others.min(), others.max()
        gap = least - end if end == low else end - most
        if most > least and gap > GAP * (most - least):
            yield (
                f"column {column.name}: {end:g} in {count} rows, far from all others "
                f"({least:.4g} to {most:.4g}); if it stands for a missing value, add it: "
                f"dataset.missing=[…,{end:g}]"
            )
