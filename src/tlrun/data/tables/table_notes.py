"""What a user is told of how a table was read. Shapes: N rows of the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.data.load_report import few
from tlrun.data.tables.column_roles import Columns
from tlrun.data.tables.encoding import Encoder
from tlrun.data.tables.far_values import check_far_values

FEW = 6  # inputs with missing numbers that are named one by one


def table_notes(table: Columns) -> list[str]:
    """Lines about the table itself, whatever of it trains or tests."""
    return [
        *_inputs_note(table), *table.notes, *_missing_words_note(table), *_unused_notes(table),
    ]  # fmt: skip


def encoding_notes(table: Columns, encoder: Encoder) -> list[str]:
    """Lines about how its inputs are encoded. Raises UserError where none of them varies."""
    return [*_constant_note(table, encoder), *_unknown_note(table, encoder, table.used)]


def far_values_notes(table: Columns, fitted: np.ndarray, named: Sequence[str]) -> list[str]:
    """Lines about values far from all others. Raises UserError where one is absurd.

    named: the inputs that the user has named, of which a line is enough.
    """
    notes: list[str] = []
    for column in table.numbers:
        asked = column.name in named
        notes += check_far_values(column, fitted, table.used, "dataset.inputs", asked)
    for target in table.targets:
        if target.task.kind == "regression":
            notes += check_far_values(target.column, fitted, table.used, "dataset.predict")
    return notes


def _inputs_note(table: Columns) -> Iterator[str]:
    """Which columns are inputs, as numbers and as categories."""
    kinds = {"numbers": table.numbers, "categories": table.categories}
    said = [f"{kind} {few([c.name for c in of])}" for kind, of in kinds.items() if of]
    if said:
        yield f"inputs: {'; '.join(said)}"


def _missing_words_note(table: Columns) -> Iterator[str]:
    """Which words were read as missing values, and how often, in what is used of the table."""
    found = []
    for column in [*table.numbers, *table.categories, *(target.column for target in table.targets)]:
        words = [f"{word!r} {count} times" for word, count in column.missing_words.items()]
        if words:
            found.append(f"{', '.join(words)} in {column.name}")
    if found:
        yield f"read as missing (dataset.missing): {few(found)}"


def _unused_notes(table: Columns) -> Iterator[str]:
    """What of the table is left out: rows without labels, and missing numbers."""
    unused = int((~table.used & (table.domain >= 0)).sum())
    if unused:
        rows = "rows" if unused > 1 else "row"
        yield f"{unused} {rows} without any label: not used"
    counts = {}
    for column in table.numbers:
        count = int((column.missing & table.used).sum())
        if count:
            counts[column.name] = count
    if counts:
        where = f"{len(counts)} inputs"
        if len(counts) <= FEW:
            where = ", ".join(f"{name} ({count})" for name, count in counts.items())
        total = sum(counts.values())
        yield f"missing numbers, read as the mean: {total}, in {where}"


def _constant_note(table: Columns, encoder: Encoder) -> Iterator[str]:
    """Which inputs do not vary where it is learnt from. Raises UserError where none does."""
    if len(encoder.constant) == len(table.numbers) + len(table.categories):
        found = f"none: {few(encoder.constant)} are the same in every row to learn from"
        raise UserError(Mistake("dataset.inputs", "an input that varies", found))
    if encoder.constant:
        yield f"inputs that do not vary in the rows to learn from: {few(encoder.constant)}"


def _unknown_note(table: Columns, encoder: Encoder, rows: np.ndarray) -> Iterator[str]:
    """Which categories no row that is fitted on has, so that a network cannot tell them apart.

    rows: those that are used, bool [N].
    """
    for levels, column in zip(encoder.categories, table.categories, strict=True):
        names, codes = column.values
        places = [place for place, name in enumerate(names) if name not in levels.levels]
        count = int(np.isin(codes[rows], places).sum()) if places else 0
        if count:
            of = few([repr(names[place]) for place in places])
            yield f"{column.name}: no source or training row has {of} ({count} rows): read as none"
