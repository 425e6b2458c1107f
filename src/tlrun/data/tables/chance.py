"""Whether rows of a table are equal by chance, or because one was copied.

Where inputs are few categories, rows of two domains may be equal by chance, as pupils of two
schools are; and where all are whole numbers or words, and no more rows are equal than chance makes
so, any two may, as people of one age are. Shapes: N rows of the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tlrun.data.tables.column_roles import Columns
from tlrun.data.tables.row_identity import row_hashes

FEW_VALUES = 30  # of an input, up to which it may be a category, in rows enough to tell
TIMES = 3  # as many equal pairs as chance makes, up to which it is chance


def equal_by_chance(columns: Columns) -> bool:
    """Whether all inputs have few values, and so many rows hold an equal pair by chance.

    Nobody writes the same text by chance.
    """
    if columns.texts is not None:
        return False
    most = min(FEW_VALUES, len(columns.domain) / 4)
    counts = []
    for each in _counts(columns):  # measurements end it at the first
        if len(each) > most:
            return False
        counts.append(each)
    return _expected_pairs(counts) > 1


def all_by_chance(columns: Columns) -> bool:
    """Whether inputs are whole numbers or words, and equal no oftener than by chance.

    Decimals have many values, and two rows of them are equal where one was copied, as texts are.
    """
    if columns.texts is not None:
        return False
    for column in columns.numbers:
        known = column.numbers[~column.missing]
        if (known != np.round(known)).any():
            return False
    _, alike = np.unique(row_hashes(columns), return_counts=True)
    pairs = int((alike * (alike - 1) // 2).sum())
    return 0 < pairs <= TIMES * _expected_pairs(list(_counts(columns)))


def _counts(columns: Columns) -> Iterator[np.ndarray]:
    """How often each input has each of its values, input by input."""
    for column in columns.numbers:
        yield np.unique(column.numbers, return_counts=True)[1]
    for column in columns.categories:
        yield np.unique(column.values[1], return_counts=True)[1]


def _expected_pairs(counts: Sequence[np.ndarray]) -> float:
    """How many pairs of N rows would be equal, were every input drawn by itself.

    N(N-1)/2 Π_j Σ_v p_jv², with p_jv the share of value v of input j.
    """
    rows = int(counts[0].sum())
    expected = rows * (rows - 1) / 2
    for each in counts:
        expected *= float(((each / rows) ** 2).sum())
    return expected
