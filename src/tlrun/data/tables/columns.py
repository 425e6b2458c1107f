"""What each column of a table is for: an input, a task's labels, or which domain, group and split a
row belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tlrun.core.errors import UserError, nearest
from tlrun.core.metrics import METRICS
from tlrun.core.problem import Kind, Metric, Role, Task
from tlrun.data.tables.csv_file import Column, Table, shown

if TYPE_CHECKING:
    from tlrun.data.datasets.table_csv import TableCsv

MANY = 100  # categories of one input; more than that is often no category
FEW = 10  # different whole numbers that are still classes
WORDS = ("train", "val", "test")  # of a split column


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


@dataclass(frozen=True)
class Columns:
    """A table of N rows, column by column. numbers, categories: the inputs that are numbers, and
    those that are not.

    domains: each domain's name and role; domain: int64 [N], each row's. groups, group and split,
    of WORDS, likewise.
    """

    numbers: tuple[Column, ...]
    categories: tuple[Column, ...]
    targets: tuple[Target, ...]
    domains: tuple[tuple[str, Role], ...]
    domain: np.ndarray
    groups: tuple[str, ...]
    group: np.ndarray | None
    split: np.ndarray | None
    notes: tuple[str, ...]

    @property
    def used(self) -> np.ndarray:
        """bool [N]: whether a row has a label at all."""
        used: np.ndarray = np.any([target.present for target in self.targets], axis=0)
        return used


def columns(table: Table, options: TableCsv) -> Columns:
    """The columns of `table` as `options` name them. Raises UserError where they name none, or none
    that will do.
    """
    given = options.named()
    predicted = given["predict"] or _last(table, given)
    targets = tuple(
        _target(
            table.column(name, "dataset.predict"), options.kind, options.metric, _tidy([name])[0]
        )
        for name in predicted
    )
    _check_apart(predicted, "dataset.predict")
    inputs = _inputs(table, given, predicted)
    categorical = [
        column.name
        for column in inputs
        if column.name in given["categorical"] or not column.numeric
    ]
    if wrong := [name for name in given["categorical"] if name not in categorical]:
        names = [column.name for column in inputs]
        raise UserError(
            f"dataset.categorical: expected an input, found {shown(wrong[0])}{nearest(wrong[0], names)}"
        )
    numbers = tuple(column for column in inputs if column.name not in categorical)
    for column in numbers:
        column.check_finite("dataset.inputs")
    domains, domain = _domains(table, options)
    one, other = (
        _marks(table, name, key)
        for name, key in ((options.group, "group"), (options.split, "split"))
    )
    return Columns(
        numbers,
        tuple(column for column in inputs if column.name in categorical),
        targets,
        domains,
        domain,
        one.values[0] if one else (),
        one.values[1] if one else None,
        _split(other) if other else None,
        tuple(_notes(table, inputs, categorical)),
    )


def _last(table: Table, given: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The last column that is named for nothing else."""
    taken = {name for names in given.values() for name in names}
    free = [name for name in table.columns if name not in taken]
    if not free:
        raise UserError("dataset.predict: expected a column to predict, found none left; name it")
    return (free[-1],)


def _inputs(
    table: Table, given: dict[str, tuple[str, ...]], predicted: Sequence[str]
) -> list[Column]:
    for name in given["ignore"]:
        table.column(name, "dataset.ignore")
    taken = {*predicted, *given["task"], *given["group"], *given["split"], *given["ignore"]}
    names = given["inputs"] or tuple(name for name in table.columns if name not in taken)
    if not names:
        raise UserError(
            f"dataset.inputs: expected an input column, found none beside {', '.join(sorted(taken))}; "
            "mind dataset.separator and dataset.ignore"
        )
    return [table.column(name, "dataset.inputs") for name in names]


def _target(column: Column, kind: str, metric: Metric | None, name: str) -> Target:
    """A column to predict. `kind` as in the options."""
    key, there = "dataset.predict", ~column.missing
    column.check_finite(key)
    names, codes = column.values
    if len(names) < 2:
        raise UserError(
            f"{key}: expected at least 2 different labels in column {column.name}, found {len(names)}"
        )
    if kind == "auto":
        kind = _guessed(column, there)
    if kind == "regression" and not column.numeric:
        found = column.at(int(column.words.argmax()))
        raise UserError(
            f"{key}: expected numbers in column {column.name}, found {found}; empty the cell if it is missing, or try "
            "dataset.kind=classification"
        )
    found_kind: Kind = (
        "regression" if kind == "regression" else "binary" if len(names) == 2 else "multiclass"
    )
    if metric is not None and metric not in METRICS[found_kind]:
        raise UserError(
            f"dataset.metric: expected {' or '.join(METRICS[found_kind])} for column {column.name} ({found_kind}), "
            f"found {metric}; try dataset.metric=null"
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
            f"dataset.predict: expected numbers or classes in column {column.name}, found {what} "
            f"({column.at(int(column.words.argmax()))}); empty the cells that are missing, or try "
            "dataset.kind=classification"
        )
    return "classification"


def _domains(table: Table, options: TableCsv) -> tuple[tuple[tuple[str, Role], ...], np.ndarray]:
    """The name and role of every domain, sources first, and each row's."""
    if options.task is None:
        return (("table", "peer"),), np.zeros(table.rows, dtype=np.int64)
    column = table.column(str(options.task), "dataset.task")
    column.check_present("dataset.task")
    values, codes = column.values
    _check_apart(values, "dataset.task")
    names = _tidy(values)
    if options.target is None:
        return tuple((name, "peer") for name in names), codes
    if (target := str(options.target)) not in values:
        raise UserError(
            f"dataset.target: expected a value of column {column.name}, found {shown(target)}{nearest(target, values)}"
        )
    last = values.index(target)
    sources = [k for k in range(len(values)) if k != last]
    roles: list[tuple[str, Role]] = [(names[k], "source") for k in sources]
    return (*roles, (names[last], "target")), np.argsort([*sources, last])[codes]


def _tidy(names: Iterable[str]) -> list[str]:
    """Names of domains or tasks without the dot and the slash, which stand between names."""
    return [re.sub(r"[./]", "_", name) for name in names]


def _check_apart(names: Sequence[str], key: str) -> None:
    first: dict[str, str] = {}
    for name, tidy in zip(names, _tidy(names), strict=True):
        if first.setdefault(tidy, name) != name:
            raise UserError(
                f"{key}: expected names that differ once dot and slash are _, found {shown(first[tidy])} and "
                f"{shown(name)}; rename one"
            )


def _marks(table: Table, name: str | int | None, key: str) -> Column | None:
    """A column that says something of every row."""
    if name is None:
        return None
    column = table.column(str(name), f"dataset.{key}")
    column.check_present(f"dataset.{key}")
    return column


def _split(column: Column) -> np.ndarray:
    words = np.array([cell.lower() for cell in column.cells])
    if (wrong := ~np.isin(words, WORDS)).any():
        found = column.at(int(wrong.argmax()))
        raise UserError(
            f"dataset.split: expected train, val or test in column {column.name}, found {found}"
        )
    codes: np.ndarray = np.select([words == word for word in WORDS], range(len(WORDS)))
    return codes


def _notes(table: Table, inputs: Sequence[Column], categorical: Sequence[str]) -> Iterable[str]:
    if table.unnamed:
        yield f"{table.unnamed} column{'s' if table.unnamed > 1 else ''} without a name: left out"
    for column in inputs:
        if column.name in categorical:
            count = len(column.values[0])
            if not column.numeric and column.words.sum() < (~column.missing).sum() / 2:
                found = column.at(int(column.words.argmax()))
                yield f"input {column.name} holds numbers and text ({found}): read as {count} categories"
            elif count > MANY:
                yield f"input {column.name} has {count} categories; if it only names the row, set dataset.ignore"
