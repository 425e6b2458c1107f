"""What each column of a table is for: an input, a task's labels, or which domain, group and split a
row belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tlrun.core.errors import Mistake, UserError, nearest
from tlrun.core.problem import Role
from tlrun.data.tables.column import Column, Table, shown
from tlrun.data.tables.options import TableOptions
from tlrun.data.tables.targets import Target, target_of

MANY = 100  # categories of one input; more than that is often no category
WORDS = ("train", "val", "test")  # of a split column


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


def columns(table: Table, options: TableOptions) -> Columns:
    """The columns of `table` as `options` name them. Raises UserError where they name none, or none
    that will do.
    """
    given = options.named()
    predicted = given["predict"] or _last(table, given)
    targets = tuple(
        target_of(
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
            Mistake(
                "dataset.categorical",
                expected="an input",
                found=shown(wrong[0]),
                hint=nearest(wrong[0], names),
            )
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
        raise UserError(
            Mistake(
                "dataset.predict", expected="a column to predict", found="none left", hint="name it"
            )
        )
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
            Mistake(
                "dataset.inputs",
                expected="an input column",
                found=f"none beside {', '.join(sorted(taken))}",
                hint="mind dataset.separator and dataset.ignore",
            )
        )
    return [table.column(name, "dataset.inputs") for name in names]


def _domains(
    table: Table, options: TableOptions
) -> tuple[tuple[tuple[str, Role], ...], np.ndarray]:
    """The name and role of every domain, sources first, and each row's."""
    if options.task is None:
        return (("table", "task"),), np.zeros(table.rows, dtype=np.int64)
    column = table.column(str(options.task), "dataset.task")
    column.check_present("dataset.task")
    values, codes = column.values
    _check_apart(values, "dataset.task")
    names = _tidy(values)
    if options.target is None:
        return tuple((name, "task") for name in names), codes
    if (target := str(options.target)) not in values:
        raise UserError(
            Mistake(
                "dataset.target",
                expected=f"a value of column {column.name}",
                found=shown(target),
                hint=nearest(target, values),
            )
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
                Mistake(
                    key,
                    expected="names that differ once dot and slash are _",
                    found=f"{shown(first[tidy])} and {shown(name)}",
                    hint="rename one",
                )
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
            Mistake(
                "dataset.split",
                expected=f"train, val or test in column {column.name}",
                found=found,
            )
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
