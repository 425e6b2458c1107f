"""New rows of a table as the network's inputs, and all that is told of what they hold.

Shapes: N rows, d inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from tlrun.core.errors import nearest
from tlrun.data.load_report import few
from tlrun.data.tables.column import Column, Table, as_written
from tlrun.data.tables.encoding import Levels, Scale
from tlrun.data.tables.preprocessing import Preprocessing
from tlrun.inference.frames import opened
from tlrun.inference.rows import Memo, NewRows, Reader, about_new_rows, counted, refused

FAR = 10.0  # deviations from the mean, beyond which the median of a column is of another unit
ABSURD = 100.0  # and beyond which a single value is told


def table_reader(form: Mapping[str, Any]) -> Reader:
    """Reads tables as the one that was learnt from. form: its preprocessing.json.

    Raises KeyError, TypeError or ValueError where `form` is none.
    """
    kept = Preprocessing.from_json(form)

    def read_table(new: Any, memo: Memo) -> NewRows:
        """Raises UserError where it lacks a column, or a cell is no number where one is to be."""
        table = opened(new, kept.notation, kept.separator, kept.encoding, memo)
        encoder = kept.encoder
        names = [scale.name for scale in encoder.scales]
        names += [levels.name for levels in encoder.categories]
        check_columns(table, names)
        columns = dict(table.columns)
        for levels in encoder.categories:
            name = str(as_written(levels.name, list(columns)))
            columns[name] = _spelt(columns[name], levels)
        table = replace(table, columns=columns)
        with about_new_rows():
            inputs = kept.encode(table)
        domains, column = domains_of(table, kept.domain_column, kept.domains)
        told = [*unused(table, [*names, column]), *_missing(table, encoder.scales)]
        told += [*_levels(table, encoder.categories), *_far(table, encoder.scales)]
        return NewRows(inputs, domains, column, tuple(told))

    return read_table


def check_columns(table: Table, names: Sequence[str]) -> None:
    """Raise UserError, naming them, where a table lacks columns."""
    there = list(table.columns)
    lacking = [name for name in names if as_written(name, there) is None]
    if lacking:
        what = "column" if len(lacking) == 1 else "columns"
        hint = nearest(lacking[0], there) if len(there) <= 30 else ""
        raise refused(f"{what} {few(lacking)}, as in what was learnt from", "none", hint)


def domains_of(
    table: Table, name: str | None, domains: Mapping[str, str]
) -> tuple[np.ndarray | None, str]:
    """The domain of every row, "" where it is none that is known, and the column that says so.

    name: of that column; None where there is none. domains: their names, by its values.
    """
    written = None if name is None else as_written(name, list(table.columns))
    if written is None:
        return None, ""
    values, codes = table.columns[written].values
    found = np.array([*(domains.get(value, "") for value in values), ""], dtype=object)
    return found[codes], written


def unused(table: Table, used: Sequence[str]) -> Iterator[str]:
    """What of a table is not read: columns that are not used, and rows that hold nothing."""
    there = list(table.columns)
    known = {as_written(name, there) for name in used if name}
    extra = [name for name in there if name not in known]
    if extra:
        yield f"columns that are not used: {few(extra)}"
    if table.unnamed:
        yield f"columns without a name, not used: {table.unnamed}"
    if table.empty:
        yield f"rows that hold nothing, left out and not counted: {table.empty:,}"


def _of(table: Table, name: str) -> Column:
    return table.columns[str(as_written(name, list(table.columns)))]


def _missing(table: Table, scales: Sequence[Scale]) -> Iterator[str]:
    counts = {}
    for scale in scales:
        if count := int(_of(table, scale.name).missing.sum()):
            counts[scale.name] = count
    if counts:
        where = few([f"{name} ({count:,})" for name, count in counts.items()])
        yield f"missing numbers, read as the mean: {sum(counts.values()):,}, in {where}"


def _levels(table: Table, categories: Sequence[Levels]) -> Iterator[str]:
    """Which values of a category no row that was learnt from has."""
    for levels in categories:
        names, codes = _of(table, levels.name).values
        new = [place for place, name in enumerate(names) if name not in levels.levels]
        said = [repr(names[place]) for place in new]
        if None not in levels.levels and (codes < 0).any():
            new.append(-1)
            said.append("a missing value")
        if new:
            rows = counted(int(np.isin(codes, new).sum()))
            yield f"{levels.name}: {rows} with {few(said)}, never learnt from: read as none"


def _far(table: Table, scales: Sequence[Scale]) -> Iterator[str]:
    """Where numbers are far from those that were learnt from, as in another unit."""
    for scale in scales:
        column = _of(table, scale.name)
        numbers = column.numbers[~column.missing]
        if not scale.deviation or not len(numbers):
            continue
        z = np.abs(numbers - scale.mean) / scale.deviation
        learnt = f"learnt from mean {scale.mean:.4g}, deviation {scale.deviation:.4g}"
        if (middle := float(np.median(z))) > FAR:
            yield (
                f"{scale.name}: half of its numbers are over {middle:,.0f} deviations from the "
                f"mean ({learnt}; here {numbers.min():.4g} to {numbers.max():.4g}): another unit?"
            )
        elif (z > ABSURD).any():
            where = column.at(int(np.flatnonzero(~column.missing)[z.argmax()]))
            rows = counted(int((z > ABSURD).sum()))
            yield f"{scale.name}: {rows} far from the others ({learnt}), such as {where}"


def _spelt(column: Column, levels: Levels) -> Column:
    """A category's values as levels are spelt, where the column holds typed values.

    A frame has 1.0 or True where the file that was learnt from had 1 or true. A value becomes the
    level that is the same number, or the same word in capitals, if there is exactly one; a text
    that is a level stays as it is.
    """
    if not column.typed:
        return column
    by_meaning: dict[object, list[str]] = {}
    for level in levels.levels:
        if level is not None:
            by_meaning.setdefault(_meaning(column, level), []).append(level)
    values = column.text.dictionary_encode()
    said = []
    for text in values.dictionary.to_pylist():
        same = by_meaning.get(_meaning(column, text), [])
        said.append(same[0] if text not in levels.levels and len(same) == 1 else text)
    return replace(column, text=pa.array(said, pa.string()).take(values.indices))


def _meaning(column: Column, text: str) -> object:
    """What a typed value is: a number, or true or false."""
    number = column.notation.number(text)
    return text.casefold() if number is None else number
