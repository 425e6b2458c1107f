"""What each column of a table is for.

It is an input, a task's labels, or says which domain, group or split a row belongs to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tlrun.core.errors import Mistake, UserError, nearest
from tlrun.core.problem import Role
from tlrun.data.tables.column import Column, Table, as_written, shown
from tlrun.data.tables.input_kinds import Inputs, sort_inputs
from tlrun.data.tables.options import TableOptions
from tlrun.data.tables.spellings import spellings
from tlrun.data.tables.table_domains import (
    check_names_differ,
    complete,
    domain_values,
    domains_of,
    tidy,
)
from tlrun.data.tables.targets import Target, target_of

WORDS = ("train", "val", "test")  # of a split column


@dataclass(frozen=True)
class Columns:
    """A table of N rows, column by column.

    numbers, categories: the inputs that are numbers, and those that are not.
    texts: the input that is text to be read, where it is the only one.
    targets: the columns to predict, each with its task.
    domains: the name and role of each domain; domain: int64 [N], each row's position among them, -1
        of a domain that is not read.
    domain_values: the name of each domain by what stands in its column; empty without one.
    groups: the name of each group; group: int64 [N], likewise; None without a group column.
    split: int64 [N], each row's position among WORDS; None without a split column.
    notes: lines for the user.
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
    domain_values: Mapping[str, str]
    texts: Column | None = None

    @property
    def used(self) -> np.ndarray:
        """Which rows have the label of at least one task, bool [N]."""
        used: np.ndarray = np.any([target.present for target in self.targets], axis=0)
        return used


def columns(table: Table, options: TableOptions, texts: Column | None = None) -> Columns:
    """The columns of `table`, each put to the use that `options` name.

    texts: the input, where it is text to be read; `options.inputs` then names what it was made of.

    Raises UserError where an option names no column of the table, where no input or nothing to
    predict is left, and where the cells of a column do not fit its use.
    """
    written, named = list(table.columns), {}
    for key, names in options.named().items():
        named[key] = tuple(as_written(name, written) or name for name in names)
    predicted = named["predict"] or (_last_free(table, named),)
    _check_kinds(options, predicted)
    targets = tuple(_target(table, name, options) for name in predicted)
    check_names_differ(predicted, "dataset.predict")
    inputs = Inputs((), (), (), ())
    if texts is None:
        candidates = _candidates(table, named, predicted)
        inputs = sort_inputs(candidates, bool(named["inputs"]), named["categorical"])
        if not inputs.numbers and not inputs.categories:
            found = f"none: {'; '.join(inputs.left_out)}"
            raise UserError(Mistake("dataset.inputs", "an input column", found))
    domains, domain = domains_of(table, options)
    if options.sources is not None:
        targets = tuple(target.only(domain >= 0) for target in targets)
    groups: tuple[str, ...] = ()
    group = split = None
    if options.group is not None:
        groups, group = complete(table, str(options.group), "dataset.group").values
    if options.split is not None:
        split = _split_codes(complete(table, str(options.split), "dataset.split"))
    notes = list(_notes(table, options))
    for target in targets:
        notes += target.notes
    notes += [*inputs.left_out, *inputs.notes]
    return Columns(
        inputs.numbers,
        inputs.categories,
        targets,
        domains,
        domain,
        groups,
        group,
        split,
        tuple(notes),
        domain_values(table, options),
        texts,
    )


def _last_free(table: Table, named: dict[str, tuple[str, ...]]) -> str:
    """The last column that no option names."""
    taken = set[str]().union(*named.values())
    for name in reversed(list(table.columns)):
        if name not in taken:
            return name
    raise UserError(Mistake("dataset.predict", "a column to predict", "none left", "name it"))


def _check_kinds(options: TableOptions, predicted: Sequence[str]) -> None:
    """Raise UserError where the kind of a column is given that is not to be predicted."""
    for name in () if isinstance(options.kind, str) else options.kind:
        if name not in predicted:
            hint = nearest(name, predicted)
            raise UserError(Mistake("dataset.kind", "a column to predict", shown(name), hint))


def _target(table: Table, name: str, options: TableOptions) -> Target:
    column = table.column(name, "dataset.predict")
    return target_of(column, options.kind_of(name), options.metric, tidy(name))


def _candidates(
    table: Table, named: dict[str, tuple[str, ...]], predicted: Sequence[str]
) -> list[Column]:
    """The columns that may be inputs: those that are named, or all that have no other use."""
    for name in named["ignore"]:
        table.column(name, "dataset.ignore")
    taken = {*predicted, *named["task"], *named["group"], *named["split"], *named["ignore"]}
    names = named["inputs"] or [name for name in table.columns if name not in taken]
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


def _split_codes(column: Column) -> np.ndarray:
    """Each row's position among WORDS, int64 [N]."""
    names, codes = column.values
    positions = []
    for name in names:
        if name.lower() not in WORDS:
            wrong = int((codes == names.index(name)).argmax())
            expected = f"train, val or test in column {column.name}"
            raise UserError(Mistake("dataset.split", expected, column.at(wrong)))
        positions.append(WORDS.index(name.lower()))
    words: np.ndarray = np.array(positions, dtype=np.int64)[codes]
    return words


def _notes(table: Table, options: TableOptions) -> Iterator[str]:
    """What a user may not have meant."""
    if table.unnamed:
        plural = "s" if table.unnamed > 1 else ""
        yield f"{table.unnamed} column{plural} without a name: left out"
    for key in ("task", "group"):
        name = getattr(options, key)
        if name is not None:
            yield from spellings(table.column(str(name), f"dataset.{key}"), f"dataset.{key}={name}")
