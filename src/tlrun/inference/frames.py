"""A table that somebody gives, in memory or as a file, as columns of text: as a CSV would have it.

A data frame of pandas, a table of pyarrow and a dict of columns are read as what they hold: numbers
are numbers whatever notation the file had that was learnt from, and None and nan are missing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tlrun.data.tables.column import Table
from tlrun.data.tables.notation import Notation
from tlrun.data.tables.parquet_file import rows_of
from tlrun.data.tables.table_file import read, table_of
from tlrun.inference.rows import Memo, about_new_rows, refused

TABS = (".tsv", ".tab")
WANTED = "a data frame, a table of pyarrow, a dict of columns, or the path of a file with a table"


def opened(new: Any, notation: Notation, separator: str, encoding: str, memo: Memo) -> Table:
    """The table in `new`.

    notation, separator, encoding: as the file had them that was learnt from. memo: of what was
    opened already. Raises UserError where it is no table.
    """
    key = ("table", notation, separator, encoding)
    if key not in memo:
        with about_new_rows():
            if isinstance(new, str | Path):
                mark = "\t" if str(new).lower().removesuffix(".gz").endswith(TABS) else separator
                memo[key] = read(str(new), mark, encoding, notation)
            else:
                rows = rows_of(_arrow(new))
                memo[key] = table_of(rows, notation, "it", keep_empty=True)
    found: Table = memo[key]
    return found


def is_frame(new: Any) -> bool:
    """Whether it holds named columns."""
    return isinstance(new, Mapping | pa.Table) or _is_pandas(new)


def _is_pandas(new: Any) -> bool:
    """Whether it is a data frame of pandas, which need not be installed."""
    return type(new).__module__.partition(".")[0] == "pandas" and hasattr(new, "columns")


def _arrow(new: Any) -> pa.Table:
    """Named columns as a table of pyarrow. Raises UserError for all else."""
    if isinstance(new, pa.Table):
        names, columns = list(new.column_names), list(new.columns)
    elif isinstance(new, Mapping):
        names, columns = list(new), [_column(values) for values in new.values()]
    elif _is_pandas(new):
        names = list(new.columns)
        columns = [_column(new.iloc[:, place]) for place in range(len(names))]
    else:
        raise refused(WANTED, f"a {type(new).__name__}")
    lengths = {len(column) for column in columns}
    if len(lengths) > 1:
        raise refused("columns of one length", f"lengths {', '.join(map(str, sorted(lengths)))}")
    if not lengths or lengths == {0}:
        raise refused("at least one row", "none")
    return pa.table(columns, names=[str(name) for name in names])


def _column(values: Any) -> pa.Array | pa.ChunkedArray:
    """A column of anything that holds cells; cells of several types, each as its text."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if isinstance(values, str | bytes) or not hasattr(values, "__len__"):
        raise refused("as many cells as rows in every column", repr(values)[:40])
    try:
        return pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        return pa.array([_cell(value) for value in values], pa.string())


def _cell(value: Any) -> str | None:
    """A cell of a column of several types."""
    missing = value is None or type(value).__name__ in ("NAType", "NaTType")
    if missing or (isinstance(value, float | np.floating) and math.isnan(value)):
        return None
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    return str(value)
