"""The columns to predict: what kind of task each is, and every row's label."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.core.metrics import METRICS
from tlrun.core.problem import Kind, MetricName, Task, known
from tlrun.data.tables.column import Column

FEW = 10  # different whole numbers that are still classes


@dataclass(frozen=True)
class Target:
    """A task with the label of every row of a table.

    labels: positions among the task's classes, int64 [N] with -1 where the label is missing; or
    numbers, float64 [N] with nan.
    """

    task: Task
    labels: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """Which rows are labelled, bool [N]."""
        return known(self.labels)

    def only(self, rows: np.ndarray) -> Target:
        """The task with no label outside `rows`, bool [N]."""
        missing = -1 if self.labels.dtype.kind == "i" else np.nan
        return replace(self, labels=np.where(rows, self.labels, missing))


def target_of(column: Column, kind: str, metric: MetricName | None, name: str) -> Target:
    """The task of predicting `column`, called `name`.

    kind: classification, regression or auto, as in the options. metric: the primary metric; None:
    the first of the task's kind. Raises UserError where the column has fewer than two different
    values, is neither numbers nor classes, does not fit `kind`, or where `metric` is of another
    kind of task.
    """
    key = "dataset.predict"
    column.check_finite(key)
    names, codes = column.values
    if len(names) < 2:
        expected = f"at least 2 different labels in column {column.name}"
        raise UserError(Mistake(key, expected, f"{len(names)}"))
    if kind == "auto":
        kind = _guessed(column)
    if kind == "regression" and not column.numeric:
        raise UserError(
            Mistake(
                key,
                expected=f"numbers in column {column.name}",
                found=column.at(int(column.words.argmax())),
                hint="empty the cell if it is missing, or try dataset.kind=classification",
            )
        )
    if kind == "regression":
        task, labels = Task(name, "regression", (), metric), column.numbers
    else:
        of_classes: Kind = "binary" if len(names) == 2 else "multiclass"
        task, labels = Task(name, of_classes, names, metric), codes
    _check_metric(task, column)
    return Target(task, labels)


def _check_metric(task: Task, column: Column) -> None:
    """Raise UserError where the metric that is asked for is of another kind of task."""
    possible = METRICS[task.kind]
    if task.metric is not None and task.metric not in possible:
        raise UserError(
            Mistake(
                "dataset.metric",
                expected=f"{' or '.join(possible)} for column {column.name} ({task.kind})",
                found=task.metric,
                hint="try dataset.metric=null",
            )
        )


def _guessed(column: Column) -> str:
    """classification for text or a few whole numbers, else regression.

    Raises UserError where the text can be neither: among more numbers, or different in most rows.
    """
    names, _ = column.values
    present = ~column.missing
    if column.numeric:
        numbers = column.numbers[present]
        few_whole = len(names) <= FEW and (numbers == numbers.round()).all()
        return "classification" if few_whole else "regression"
    found = ""
    if column.words.sum() < present.sum() / 2:
        found = "numbers and text"
    elif len(names) > FEW and len(names) > present.sum() / 2:
        found = f"{len(names)} different texts in {present.sum()} rows"
    if found:
        raise UserError(
            Mistake(
                "dataset.predict",
                expected=f"numbers or classes in column {column.name}",
                found=f"{found} ({column.at(int(column.words.argmax()))})",
                hint="empty the cells that are missing, or try dataset.kind=classification",
            )
        )
    return "classification"
