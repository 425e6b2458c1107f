"""Answers to new rows as CSV, for a spreadsheet or pandas, and as lines for a terminal."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING, NamedTuple, Protocol

from tlrun.core.errors import printable
from tlrun.report.render.csv_text import safe

if TYPE_CHECKING:
    import numpy as np

    from tlrun.core.task import Task
    from tlrun.inference.predictor import Answers

# The first line of a file of ours: of one task, or of several, each named before its columns.
OURS = re.compile(r'row,(file,)?("?.*: )?prediction"?(,|$)')
PLAIN = re.compile(r"[+-]?[0-9]+([.][0-9]+)?")
MANY = 6  # classes, beyond which a terminal is not shown the p of each
WIDE = 24  # characters of a cell that a terminal is shown


class _Said(Protocol):
    """What a task's answers have."""

    @property
    def task(self) -> Task: ...
    @property
    def values(self) -> np.ndarray: ...
    @property
    def predicted(self) -> np.ndarray: ...


class _Shortened(NamedTuple):
    task: Task
    values: np.ndarray
    predicted: np.ndarray


def head_of(answers: Mapping[str, _Said], *, files: bool) -> list[str]:
    """The names of the columns: row, prediction, p(CLASS) of each class.

    answers: by task; of several each column begins with its task. files: whether each row is a file
    of its own, whose name is a column.
    """
    head = ["row", "file"] if files else ["row"]
    for name, each in answers.items():
        before = f"{name}: " if len(answers) > 1 else ""
        head += [f"{before}prediction", *(f"{before}p({c})" for c in each.task.classes)]
    return [_name(name) for name in head]


def rows_of(
    answers: Mapping[str, _Said], files: Sequence[str], most: int | None = None
) -> Iterator[Sequence[str | float]]:
    """A row for each answered one, counted from 1. most: how many; None: all."""
    predicted = [each.predicted[:most].tolist() for each in answers.values()]
    values = [each.values[:most].tolist() for each in answers.values()]
    for place in range(len(predicted[0])):
        row: list[str | float] = [place + 1]
        row += [_name(files[place])] if files else []
        for names, of in zip(predicted, values, strict=True):
            if isinstance(of[place], list):
                row += [_name(names[place]), *of[place]]
            else:
                row.append(of[place])
        yield row


def as_csv(answers: Mapping[str, Answers], files: Sequence[str] = ()) -> bytes:
    """A header and a row for each; a number has every digit. Names are no formula's beginning.

    answers: by task. files: what each row was read from, where it is a file of its own.
    """
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head_of(answers, files=bool(files)))
    writer.writerows(rows_of(answers, files))
    return text.getvalue().encode()


def as_lines(answers: Mapping[str, Answers], files: Sequence[str], most: int) -> Iterator[str]:
    """The first rows in columns of one width; of many classes, p of the predicted one alone."""
    few = {name: _shortened(each, most) for name, each in answers.items()}
    cells: list[Sequence[str | float]] = [head_of(few, files=bool(files))]
    cells += rows_of(few, files, most)
    short = [[_short(cell) for cell in row] for row in cells]
    widths = [max(map(len, column)) for column in zip(*short, strict=True)]
    for row in short:
        yield "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))


def _shortened(answers: Answers, most: int) -> _Shortened:
    """The first answers, as a terminal has room for them."""
    values, task = answers.values[:most], answers.task
    classes = task.classes
    if len(classes) > MANY:
        classes, values = ("prediction",), values.max(axis=1, keepdims=True)
    return _Shortened(replace(task, classes=classes), values, answers.predicted[:most])


def _name(text: str) -> str:
    """A name that no spreadsheet takes for a formula; a class may be a number, such as -1."""
    return text if PLAIN.fullmatch(text) else safe(text)


def _short(cell: str | float) -> str:
    text = f"{cell:.4g}" if isinstance(cell, float) else printable(str(cell))
    return text if len(text) <= WIDE else f"{text[: WIDE - 1]}…"
