"""From the cells of a table to what a network sees: scaled and one-hot.

Some rows, those that are fitted on, say how; other rows change nothing of it. Shapes: N rows of the
table, d input features.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.core.task import Task
from tlrun.data.tables.column import Column
from tlrun.data.tables.column_roles import Columns
from tlrun.data.tables.targets import Target


@dataclass(frozen=True)
class Scale:
    """How the numbers of a column are scaled: less `mean`, over `deviation`; missing is 0.

    deviation: 0 where the column is constant, or always missing, in the rows that were fitted on;
    it is then 0 in every row.
    """

    name: str
    mean: float
    deviation: float

    def encode(self, numbers: np.ndarray) -> np.ndarray:
        """float64 [N], nan where missing, as float64 [N] without nan."""
        if not self.deviation:
            return np.zeros(len(numbers))
        return np.nan_to_num((numbers - self.mean) / self.deviation, nan=0.0)


@dataclass(frozen=True)
class Levels:
    """The categories of a column, each a feature of 0 and 1; a value that is none of them is all 0.

    levels: as they are written; None stands for a missing value.
    """

    name: str
    levels: tuple[str | None, ...]

    def encode(self, column: Column) -> np.ndarray:
        """float32 [N, number of levels]."""
        names, codes = column.values
        known = {level: place for place, level in enumerate(self.levels)}
        places = np.array([known.get(name, -1) for name in (*names, None)], dtype=np.int64)[codes]
        encoded = np.zeros((len(codes), len(self.levels)), dtype=np.float32)
        rows = np.flatnonzero(places >= 0)
        encoded[rows, places[rows]] = 1.0
        return encoded


@dataclass(frozen=True)
class Encoder:
    """How the inputs of a table are encoded: first the numbers, then the categories, in order."""

    scales: tuple[Scale, ...]
    categories: tuple[Levels, ...]

    @property
    def constant(self) -> tuple[str, ...]:
        """The inputs that are the same in every row that was fitted on."""
        numbers = [scale.name for scale in self.scales if not scale.deviation]
        return (*numbers, *(each.name for each in self.categories if len(each.levels) < 2))

    def encode(self, numbers: Sequence[Column], categories: Sequence[Column]) -> np.ndarray:
        """The inputs of every row, float32 [N, d], given the columns in the encoder's order."""
        width = len(self.scales) + sum(len(each.levels) for each in self.categories)
        encoded = np.empty((len([*numbers, *categories][0]), width), dtype=np.float32)
        for place, (scale, column) in enumerate(zip(self.scales, numbers, strict=True)):
            encoded[:, place] = scale.encode(column.numbers)
        start = len(self.scales)
        for levels, column in zip(self.categories, categories, strict=True):
            encoded[:, start : start + len(levels.levels)] = levels.encode(column)
            start += len(levels.levels)
        return encoded

    def to_json(self) -> dict[str, Any]:
        """All of it, as strict JSON."""
        return {
            "numbers": [asdict(scale) for scale in self.scales],
            "categories": [asdict(levels) for levels in self.categories],
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Encoder:
        """What `to_json` gave. Raises KeyError or TypeError for anything else."""
        scales = [Scale(**scale) for scale in kept["numbers"]]
        levels = [Levels(each["name"], tuple(each["levels"])) for each in kept["categories"]]
        return cls(tuple(scales), tuple(levels))


def fit(columns: Columns, rows: np.ndarray) -> Encoder:
    """The encoder that `rows`, bool [N], say: their means, deviations and categories."""
    scales = [scale(column.name, column.numbers[rows]) for column in columns.numbers]
    return Encoder(tuple(scales), tuple(_levels(column, rows) for column in columns.categories))


def scale(name: str, numbers: np.ndarray) -> Scale:
    """What gives `numbers`, float64 [n] with nan where missing, mean 0 and deviation 1."""
    known = numbers[~np.isnan(numbers)]
    if not len(known) or known.min() == known.max():
        return Scale(name, 0.0, 0.0)
    return Scale(name, float(known.mean()), float(known.std()))


def scaled_task(target: Target, train: np.ndarray) -> Task:
    """The task of a target: of numbers, with the mean and deviation of those in `train`, bool [N].

    Raises UserError where they are not at least two different numbers there.
    """
    if target.task.kind != "regression":
        return target.task
    fitted = scale(target.task.name, target.labels[train])
    if not fitted.deviation:
        raise UserError(
            Mistake(
                "dataset.predict",
                expected=f"at least 2 different training labels of {target.task.name}, to scale by",
                found=f"{min(1, int(target.present[train].sum()))}",
                hint="raise dataset.labels, or try dataset.kind=classification",
            )
        )
    return replace(target.task, location=fitted.mean, scale=fitted.deviation)


def _levels(column: Column, rows: np.ndarray) -> Levels:
    """The categories that `rows` have, those of a missing value first."""
    names, codes = column.values
    found = np.unique(codes[rows]).tolist()
    return Levels(column.name, tuple(None if code < 0 else names[code] for code in found))
