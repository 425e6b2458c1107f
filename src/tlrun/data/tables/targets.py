"""The columns to predict: what kind of task each is, and every row's label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.core.metrics import METRICS
from tlrun.core.problem import known
from tlrun.core.task import Kind, MetricName, Task
from tlrun.data.tables.column import Column
from tlrun.data.tables.input_kinds import is_text, looks_like
from tlrun.data.tables.spellings import spellings

KEY = "dataset.predict"
# What stands for no label and may be a class after all, in one case.
NO_LABEL = {
    "#n/a", "#value!", "<na>", "n.a.", "n/d", "-", "--", ".", "(null)", "nil", "nat", "missing",
    "unknown",
}  # fmt: skip
FEW = 10  # different whole numbers that are still classes


@dataclass(frozen=True)
class Target:
    """A task with the label of every row of a table.

    labels: positions among the task's classes, int64 [N] with -1 where the label is missing; or
    numbers, float64 [N] with nan. column: what they were read from. notes: lines for the user.
    """

    task: Task
    labels: np.ndarray
    column: Column
    notes: tuple[str, ...] = ()

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
    if kind == "auto":
        kind = _guessed(column)
    if kind == "regression":
        task, labels, notes = Task(name, "regression", (), metric), _numbers(column), []
    else:
        names, labels = column.values
        of_classes: Kind = "binary" if len(names) == 2 else "multiclass"
        task, notes = Task(name, of_classes, names, metric), list(_notes(column))
    different = len(np.unique(labels[known(labels)]))
    if different < 2:
        expected = f"at least 2 different labels in column {column.name}"
        found = f"{different}"
        if column.missing_words:
            words = ", ".join(f"{n} {word!r}" for word, n in column.missing_words.items())
            found = f"{different}, for {words} were read as missing (dataset.missing)"
        raise UserError(Mistake(KEY, expected, found))
    _check_metric(task, column)
    return Target(task, labels, column, tuple(notes))


def _numbers(column: Column) -> np.ndarray:
    """The labels of a regression, float64 [N]. Raises UserError where one is no finite number."""
    if not column.numeric:
        _, options = looks_like(column)
        hint = "empty the cell if it is missing, or try dataset.kind=classification"
        raise UserError(
            Mistake(
                KEY,
                expected=f"numbers in column {column.name}",
                found=column.at(int(column.words.argmax())),
                hint=f"try {options}" if options else hint,
            )
        )
    column.check_finite(KEY)
    return column.numbers


def _notes(column: Column) -> Iterator[str]:
    """What a user may not have meant with the classes of a column."""
    names, codes = column.values
    yield from spellings(column, f"label {column.name}")
    for place, name in enumerate(names):
        if len(names) > 2 and (name.casefold() in NO_LABEL or _beside(name, names, column)):
            count = int((codes == place).sum())
            missing = f"dataset.missing=[…,{name}]"
            what = f"class {name!r} ({count} rows)"
            yield f"label {column.name}: {what}; if it stands for no label, add it: {missing}"


def _beside(name: str, names: Sequence[str], column: Column) -> bool:
    """Whether a class is a number of nines or below 0, and the others are numbers of neither."""
    if not column.numeric:
        return False
    others = [column.notation.number(other) or 0.0 for other in names if other != name]
    number = column.notation.number(name) or 0.0
    return number < 0 <= min(others) or (set(name) == {"9"} and number > max(others) + 1)


def _check_metric(task: Task, column: Column) -> None:
    """Raise UserError where the metric that is asked for is of another kind of task."""
    possible = METRICS[task.kind]
    if task.metric is not None and task.metric not in possible:
        raise UserError(
            Mistake(
                "dataset.metric",
                expected=f"{', '.join(possible)} for column {column.name} ({task.kind})",
                found=task.metric,
                hint="try dataset.metric=null",
            )
        )


def _guessed(column: Column) -> str:
    """classification for text or a few whole numbers, else regression.

    Raises UserError where the text can be neither: numbers in another notation, words among more
    numbers, or different in most rows.
    """
    present = ~column.missing
    if column.numeric:
        numbers = np.unique(column.numbers[present])
        few_whole = len(numbers) <= FEW and (numbers == numbers.round()).all()
        return "classification" if few_whole else "regression"
    names, _ = column.values
    looks, options = looks_like(column)
    found = ""
    if looks:
        found = f"what looks like {looks}"
    elif column.words.sum() < np.isfinite(column.numbers).sum():
        found = "numbers and text"
    elif len(names) > FEW and len(names) > present.sum() / 2:
        found = f"{len(names)} different texts in {present.sum()} rows"
    if found:
        otherwise = "add missing values to dataset.missing, or try dataset.kind=classification"
        if is_text(column):
            otherwise = "name another column in dataset.predict; dataset=text_csv learns from texts"
        raise UserError(
            Mistake(
                KEY,
                expected=f"numbers or classes in column {column.name}",
                found=f"{found} ({column.at(int(column.words.argmax()))})",
                hint=f"try {options}" if options else otherwise,
            )
        )
    return "classification"
