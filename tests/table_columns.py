"""Columns and tables for the tests, without a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from tlrun.data.datasets.table_csv import TableCsv
from tlrun.data.tables.column import Column
from tlrun.data.tables.column_roles import Columns, columns
from tlrun.data.tables.notation import Notation
from tlrun.data.tables.options import MISSING
from tlrun.data.tables.table_file import read

USUAL = Notation(MISSING)


def column(name: str, cells: Sequence[str], notation: Notation = USUAL) -> Column:
    return Column(name, pa.array(cells, pa.string()), notation, lambda row: f"line {row + 2}")


def found(folder: Path, text: str, **options: Any) -> Columns:
    """The table of a CSV text, as `options` use it."""
    (folder / "table.csv").write_text(text, encoding="utf-8")
    asked = TableCsv(**options)
    return columns(read(str(folder / "table.csv"), ",", "utf-8", asked.notation), asked)
