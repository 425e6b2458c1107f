"""From the cells of a table to what a network sees: scaled and one-hot by what the training rows
say, and nothing else.

Shapes: N rows of the table, d input features.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import numpy as np
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tlrun.data.tables.column import Column
from tlrun.data.tables.columns import Columns
from tlrun.data.tables.targets import Target


def inputs(columns: Columns, train: np.ndarray) -> np.ndarray:
    """float32 [N, d]: numbers at mean 0 and deviation 1 over `train` [N], then a 0 or 1 for each
    category in it.
    """
    parts = [_scaled(columns.numbers, train), _one_hot(columns.categories, train)]
    return np.concatenate(parts, axis=1).astype(np.float32)


def labels(target: Target, train: np.ndarray) -> np.ndarray:
    """The labels of every row: int64 [N], or float32 [N] at mean 0 and deviation 1 over `train`
    [N].
    """
    if target.task.kind != "regression":
        return target.labels
    if not train.any():  # nothing to scale by, and nothing to learn: to be refused
        return target.labels.astype(np.float32)
    scaler = StandardScaler().fit(target.labels[train, None])
    scaled: np.ndarray = scaler.transform(target.labels[:, None])[:, 0].astype(np.float32)
    return scaled


def repeated(columns: Columns, test: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """bool [N]: the test rows whose inputs stand, cell for cell, in a row of the pool.

    By cells, for two rows may differ and still be one to a network that saw few categories in
    training.
    """
    cells = np.stack(
        [column.values[1] for column in (*columns.numbers, *columns.categories)], axis=1
    )
    seen = {row.tobytes() for row in cells[pool]}
    found = np.zeros(len(cells), dtype=bool)
    found[test] = [row.tobytes() in seen for row in cells[test]]
    return found


def rows_digest(columns: Columns, rows: np.ndarray) -> str:
    """sha256 over the cells that decide an example, of `rows` [N], in no order: inputs, labels and
    groups.
    """
    parts: list[Sequence[object]] = [column.numbers.tolist() for column in columns.numbers]
    parts += [column.cells for column in columns.categories]
    for target in columns.targets:
        classes = (*target.task.classes, None)  # -1, a missing label, is the last
        numbers = target.task.kind == "regression"
        labels = target.labels.tolist()
        parts.append(labels if numbers else [classes[label] for label in labels])
    if columns.group is not None:
        parts.append([columns.groups[group] for group in columns.group.tolist()])
    cells = list(zip(*parts, strict=True))
    told = sorted(repr(cells[row]) for row in np.flatnonzero(rows).tolist())
    return sha256("\n".join(told).encode()).hexdigest()


def _scaled(columns: Sequence[Column], train: np.ndarray) -> np.ndarray:
    """float64 [N, …]; a missing number is the mean, 0, and so is a column that is constant over
    `train`.
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
    codes = np.stack([column.values[1] for column in columns], axis=1)
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32).fit(
        codes[train]
    )
    encoded: np.ndarray = encoder.transform(codes)
    return encoded
