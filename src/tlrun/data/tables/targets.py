"""The columns to predict: what kind of task each is, and every row's label."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.core.metrics import METRICS
from tlrun.core.problem import Kind, MetricName, Task
from tlrun.data.tables.column import Column

FEW = 10  # different whole numbers that are still classes


@dataclass(frozen=True)
class Target:
    """A task, with every row's label: int64 [N] with -1 or float64 [N] with nan where it is
    missing.
    """

    task: Task
    labels: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """bool [N]: whether a row is labelled."""
        return ~np.isnan(self.labels) if self.labels.dtype.kind == "f" else self.labels >= 0

    def only(self, rows: np.ndarray) -> Target:
        """The task with no label outside `rows`, bool [N]."""
        return replace(
            self,
            labels=np.where(rows, self.labels, -1 if self.labels.dtype.kind == "i" else np.nan),
        )


def target_of(column: Column, kind: str, metric: MetricName | None, name: str) -> Target:
    """A column to predict. `kind` as in the options."""
    key, there = "dataset.predict", ~column.missing
    column.check_finite(key)
    names, codes = column.values
    if len(names) < 2:
        raise UserError(
            Mistake(
                key,
                expected=f"at least 2 different labels in column {column.name}",
                found=f"{len(names)}",
            )
        )
    if kind == "auto":
        kind = _guessed(column, there)
    if kind == "regression" and not column.numeric:
        found = column.at(int(column.words.argmax()))
        raise UserError(
            Mistake(
                key,
                expected=f"numbers in column {column.name}",
                found=found,
                hint="empty the cell if it is missing, or try dataset.kind=classification",
            )
        )
    found_kind: Kind = (
        "regression" if kind == "regression" else "binary" if len(names) == 2 else "multiclass"
    )
    if metric is not None and metric not in METRICS[found_kind]:
        raise UserError(
            Mistake(
                "dataset.metric",
                expected=f"{' or '.join(METRICS[found_kind])} for column {column.name} "
                f"({found_kind})",
                found=metric,
                hint="try dataset.metric=null",
            )
        )
    classes = () if found_kind == "regression" else names
    labels = column.numbers if found_kind == "regression" else codes
    return Target(Task(name, found_kind, classes, metric), labels)


def _guessed(column: Column, there: np.ndarray) -> str:
    """Whether text or a few whole numbers, or numbers. Raises UserError where neither can be
    meant.
    """
    names, _ = column.values
    if column.numeric:
        numbers = column.numbers[there]
        return (
            "classification"
            if len(names) <= FEW and bool((numbers == numbers.round()).all())
            else "regression"
        )
    mixed = column.words.sum() < there.sum() / 2
    if mixed or (len(names) > FEW and len(names) > there.sum() / 2):
        what = (
            "numbers and text" if mixed else f"{len(names)} different texts in {there.sum()} rows"
        )
        raise UserError(
            Mistake(
                "dataset.predict",
                expected=f"numbers or classes in column {column.name}",
                found=f"{what} ({column.at(int(column.words.argmax()))})",
                hint="empty the cells that are missing, or try dataset.kind=classification",
            )
        )
    return "classification"
