"""Which rows of a table are equal, cell for cell, and what tells a set of rows from another.

Cells are compared, not encoded inputs: two rows may differ and still be encoded alike where the
rows that were fitted on have few categories. Shapes: N rows of the table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256

import numpy as np

from tlrun.data.tables.column_roles import Columns

MIXER = np.uint64(0x9E3779B97F4A7C15)  # odd, its bits without a pattern: 2^64 over the golden ratio
BLOCK = 2**16  # rows that are hashed at a time


def repeated(
    columns: Columns, test: np.ndarray, pool: np.ndarray, within_domains: bool
) -> np.ndarray:
    """Which rows of `test` have the inputs, cell for cell, of a row of `pool`; all bool [N].

    within_domains: whether the two rows are to be of one domain too.
    """
    twice = np.zeros(len(test), dtype=bool)
    if not test.any():
        return twice
    cells = list(_inputs(columns))
    if within_domains:
        cells.append(columns.domain.astype(np.uint64))
    hashes = _row_hashes(cells, len(test))
    alike = hashes[test][_among(hashes[test], hashes[pool])]
    if len(alike):  # compared as they are
        maybe = np.flatnonzero(np.isin(hashes, alike) & (test | pool))
        rows = np.ascontiguousarray(_rows(cells, maybe))
        whole = rows.view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).ravel()
        tested = test[maybe]
        twice[maybe[tested]] = np.isin(whole[tested], whole[pool[maybe]])
    return twice


def _among(some: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Which of `some` hashes [n] are among `others` too, bool [n]."""
    ordered = np.sort(others)
    places = np.minimum(np.searchsorted(ordered, some), max(0, len(ordered) - 1))
    return ordered[places] == some if len(ordered) else np.zeros(len(some), dtype=bool)


def row_hashes(columns: Columns) -> np.ndarray:
    """A number for the inputs of each row, uint64 [N]: equal rows have equal ones."""
    return _row_hashes(list(_inputs(columns)), len(columns.domain))


def rows_digest(columns: Columns, rows: np.ndarray) -> str:
    """sha256 of the examples in `rows`, bool [N], in no order: their inputs, labels and groups."""
    cells = [*_inputs(columns), *_labels(columns)]
    order = np.flatnonzero(rows)
    order = order[np.argsort(_row_hashes(cells, len(rows))[order], kind="stable")]
    total = sha256(f"{len(cells)} ".encode())
    for start in range(0, len(order), BLOCK):
        total.update(_rows(cells, order[start : start + BLOCK]).tobytes())
    return total.hexdigest()


def _inputs(columns: Columns) -> Iterator[np.ndarray]:
    """The inputs, a column uint64 [N] each."""
    for column in columns.numbers:
        yield _bits(column.numbers)
    for column in columns.categories:
        yield _words(*column.values)
    if columns.texts is not None:
        yield _words(*columns.texts.values)


def _labels(columns: Columns) -> Iterator[np.ndarray]:
    """The labels of every task, then the groups, a column uint64 [N] each."""
    for target in columns.targets:
        if target.task.kind == "regression":
            yield _bits(target.labels)
        else:
            yield _words(target.task.classes, target.labels)
    if columns.group is not None:
        yield _words(columns.groups, columns.group)


def _bits(numbers: np.ndarray) -> np.ndarray:
    """Numbers, float64 [N], as bits: one nan, and one zero."""
    return np.where(np.isnan(numbers), np.nan, numbers + 0.0).view(np.uint64)


def _words(names: Sequence[str], codes: np.ndarray) -> np.ndarray:
    """Words as digests of them, so that what other rows hold moves none. -1 is missing: 0."""
    digests = [int.from_bytes(sha256(name.encode()).digest()[:8], "little") for name in names]
    words: np.ndarray = np.array([*digests, 0], dtype=np.uint64)[codes]
    return words


def _row_hashes(cells: Sequence[np.ndarray], rows: int) -> np.ndarray:
    """A number a row, uint64 [N]: equal rows have equal ones, others hardly ever."""
    hashes = np.zeros(rows, dtype=np.uint64)
    for column in cells:
        hashes = (hashes ^ column) * MIXER
        hashes ^= hashes >> np.uint64(29)
    return hashes


def _rows(cells: Sequence[np.ndarray], chosen: np.ndarray) -> np.ndarray:
    """The `chosen` rows, uint64 [n, number of columns]."""
    return np.stack([column[chosen] for column in cells], axis=1)
