"""From the cells of a table to what a network sees: scaled and one-hot.

The training rows alone say how. Shapes: N rows of the table, d input features.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tlrun.data.tables.column import Column
from tlrun.data.tables.column_roles import Columns
from tlrun.data.tables.targets import Target


def inputs(columns: Columns, train: np.ndarray) -> np.ndarray:
    """The inputs of every row, float32 [N, d].

    First come the numbers, each column at mean 0 and deviation 1 over the rows of `train`, bool
    [N]; then, for each category that those rows have, a column of 0 and 1.
    """
    parts = [_scaled(columns.numbers, train), _one_hot(columns.categories, train)]
    return np.concatenate(parts, axis=1).astype(np.float32)


def labels(target: Target, train: np.ndarray) -> np.ndarray:
    """The labels of every row: classes, int64 [N], as they are; numbers, float32 [N], scaled.

    Numbers get mean 0 and deviation 1 over the rows of `train`, bool [N]. -1 and nan: missing.
    """
    if target.task.kind != "regression":
        return target.labels
    if not train.any():  # nothing to scale by, and nothing to learn: to be refused
        return target.labels.astype(np.float32)
    scaler = StandardScaler().fit(target.labels[train, None])
    scaled: np.ndarray = scaler.transform(target.labels[:, None])[:, 0].astype(np.float32)
    return scaled


def repeated(columns: Columns, test: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Which rows of `test` have the inputs, cell for cell, of a row of `pool`; all bool [N].

    Cells are compared, not encoded inputs: two rows may differ and still be encoded alike where
    the training rows have few categories.
    """
    codes = _codes([*columns.numbers, *columns.categories])
    seen = {row.tobytes() for row in codes[pool]}
    twice = np.zeros(len(codes), dtype=bool)
    twice[test] = [row.tobytes() in seen for row in codes[test]]
    return twice


def rows_digest(columns: Columns, rows: np.ndarray) -> str:
    """sha256 of the examples in `rows`, bool [N], in no order: their inputs, labels and groups."""
    parts: list[Sequence[object]] = [column.numbers.tolist() for column in columns.numbers]
    parts += [column.cells for column in columns.categories]
    for target in columns.targets:
        labels = target.labels.tolist()
        if target.task.kind != "regression":
            classes = (*target.task.classes, None)  # -1, a missing label, is the last
            labels = [classes[label] for label in labels]
        parts.append(labels)
    if columns.group is not None:
        parts.append([columns.groups[group] for group in columns.group.tolist()])
    cells = list(zip(*parts, strict=True))
    described = sorted(repr(cells[row]) for row in np.flatnonzero(rows).tolist())
    return sha256("\n".join(described).encode()).hexdigest()


def _codes(columns: Sequence[Column]) -> np.ndarray:
    """int64 [N, number of columns]: which of a column's values each cell holds."""
    return np.stack([column.values[1] for column in columns], axis=1)


def _scaled(columns: Sequence[Column], train: np.ndarray) -> np.ndarray:
    """float64 [N, number of columns]; 0 where a number is missing, which is the mean.

    A column that is constant over `train` is 0 in every row.
    """
    if not columns:
        return np.zeros((len(train), 0))
    numbers = np.stack([column.numbers for column in columns], axis=1)
    known = numbers[train]
    varies = np.fmin.reduce(known) < np.fmax.reduce(known)  # False where all are missing
    scaled = StandardScaler().fit(np.where(varies, known, 0.0)).transform(numbers)
    return np.where(varies & ~np.isnan(scaled), scaled, 0.0)


def _one_hot(columns: Sequence[Column], train: np.ndarray) -> np.ndarray:
    """float32 [N, …]; missing is a category of its own, and one that `train` lacks is all 0."""
    if not columns:
        return np.zeros((len(train), 0))
    codes = _codes(columns)
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32)
    encoded: np.ndarray = encoder.fit(codes[train]).transform(codes)
    return encoded
