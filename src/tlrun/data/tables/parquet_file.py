"""A Parquet file as columns of text, each value as a CSV file would have it."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from tlrun.data.tables.text_file import Rows, no_table

# What a file may hold: so many cells, or so many a byte of it, whichever is more.
MOST_CELLS, CELLS_A_BYTE = 2**26, 100


def read_parquet(file: Path) -> Rows:
    """The rows of a Parquet file. Raises UserError where it is none, or holds more than cells."""
    try:
        _check_size(file)
        table = parquet.read_table(file, use_threads=False)
    except pa.ArrowInvalid as error:
        raise no_table("a Parquet file", f"{file}: {' '.join(str(error).split())}") from None
    except OSError as error:  # Arrow's own: damaged within
        raise no_table("a whole Parquet file", f"{file}: {' '.join(str(error).split())}") from None
    if not table.num_columns or not table.num_rows:
        raise no_table("a table with columns and rows", f"none in {file}")
    return rows_of(table)


def _check_size(file: Path) -> None:
    """Raise UserError where a small file holds many cells: one value is packed into nothing."""
    with parquet.ParquetFile(file) as opened:
        cells = opened.metadata.num_rows * opened.metadata.num_columns
    most = max(MOST_CELLS, CELLS_A_BYTE * file.stat().st_size)
    if cells > most:
        hint = "save it as CSV to read all of it"
        raise no_table(f"at most {most:,} cells in {file}", f"{cells:,}", hint)


def rows_of(table: pa.Table) -> Rows:
    """The rows of a table in memory. Raises UserError where it holds more than cells."""
    header = [name.strip() for name in table.column_names]
    columns, numbers, flags = [], [], []
    for name, values in zip(header, table.columns, strict=True):
        columns.append(_as_text(name, values))
        if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
            numbers.append(name)
        elif pa.types.is_boolean(values.type):
            flags.append(name)
    known = frozenset(numbers), frozenset(flags)
    return Rows(header, columns, lambda row: f"row {row + 1}", *known)


def _as_text(name: str, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column's values as text, "" where one is null. Raises UserError for nested values."""
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    if pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
    kind = str(values.type)
    if pa.types.is_nested(values.type) or "binary" in kind or "extension" in kind:
        raise no_table("one number or text a cell", f"{values.type} in column {name}")
    return pc.fill_null(pc.cast(values, pa.string()), "")
