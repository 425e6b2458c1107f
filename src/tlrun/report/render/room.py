"""How much room a table needs, so that no figure in it is cut."""

from __future__ import annotations

from rich.console import Console
from rich.measure import Measurement
from rich.table import Column, Table

BETWEEN = 2  # columns of a terminal between two of a table without a box
LONG_WORD = 24  # columns: of the name of an arm or a run, no shorter word is cut in two
FOLDED = 12  # columns that are left to a name that may be folded
_WIDE = Console(width=10_000, markup=False)  # on which a cell says how much room it needs


def fits(table: Table, width: int, between: int = BETWEEN) -> bool:
    """Whether a table without a box stands in `width` columns with nothing in it cut.

    between: columns of a terminal between two of the table.
    """
    needed = sum(map(_needed, table.columns)) + between * (len(table.columns) - 1)
    return needed <= width


def _needed(column: Column) -> int:
    """Whole lines of a column that is not wrapped, else its longest word, which may be folded."""
    cells = [Measurement.get(_WIDE, _WIDE.options, cell) for cell in (column.header, *column.cells)]
    if column.no_wrap:
        return max(cell.maximum for cell in cells)
    longest = max(cell.minimum for cell in cells)
    return max(column.min_width or 0, min(FOLDED, longest))
