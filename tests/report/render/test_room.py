import io

from rich.console import Console
from rich.table import Table

from tlrun.report.render.room import fits


def test_a_table_fits_just_where_nothing_in_it_is_cut() -> None:
    table = Table(box=None, pad_edge=False)
    for _ in range(3):
        table.add_column("", no_wrap=True)
    table.add_row("12.3 ± 4.5", "+67.8 ± 9.1", "word")
    for width in range(5, 60):
        text = io.StringIO()
        Console(width=width, file=text).print(table)
        whole = all(cell in text.getvalue() for cell in ("12.3 ± 4.5", "+67.8 ± 9.1", "word"))

        assert fits(table, width) == whole
