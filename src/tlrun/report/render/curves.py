"""A chart in text: bars, and the figures of its points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap

from rich.table import Table
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.report.answer import Chart, Figure, Line
from tlrun.report.relations import plain_text
from tlrun.report.render.figures import shown as text_of
from tlrun.report.render.room import fits

BARS = "▁▂▃▄▅▆▇█"
NONE = Figure("·")


def curve(chart: Chart, width: int) -> Table:
    """Of each line its bars and figures: beside each other, or, in less room, below each other."""
    names = list(dict.fromkeys(point.name for line in chart.lines for point in line.points))
    wide = _wide(chart, names)
    return wide if fits(wide, width) else _tall(chart, names)


def _wide(chart: Chart, names: Sequence[str]) -> Table:
    """A row a line, a column a point."""
    table = _titled(chart)
    table.add_column(plain_text(chart.x), overflow="fold")
    table.add_column("", no_wrap=True)
    lines = [(line, _by_name(line)) for line in chart.lines]
    for name in names:
        room = max(len(text_of(figures.get(name, NONE))) for _, figures in lines)
        head = [printable(name), *wrap(chart.ends.get(name, ""), max(room, 10))]
        table.add_column(Text("\n".join(head)), justify="right", no_wrap=True)
    for line, figures in lines:
        shown = [figures.get(name, NONE) for name in names]
        cells = [plain_text(text_of(figure)) for figure in shown]
        table.add_row(plain_text(line.label), bars_of(_values(shown), _every(chart)), *cells)
    return table


def _tall(chart: Chart, names: Sequence[str]) -> Table:
    """A row a point of a line."""
    table = _titled(chart)
    table.add_column("", overflow="fold")
    table.add_column(plain_text(chart.x), overflow="fold", max_width=12)
    table.add_column("")
    table.add_column("", justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for line in chart.lines:
        figures = _by_name(line)
        for k, name in enumerate(name for name in names if name in figures):
            bar = bars_of(_values([figures[name]]), _every(chart))
            label = plain_text(line.label if k == 0 else "")
            end = plain_text(chart.ends.get(name, ""))
            table.add_row(label, plain_text(name), bar, plain_text(text_of(figures[name])), end)
    return table


def _titled(chart: Chart) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", title=plain_text(chart.title))
    table.title_justify = "left"
    table.title_style = "none"
    return table


def _by_name(line: Line) -> Mapping[str, Figure]:
    return {point.name: point.figure for point in line.points}


def _values(figures: Sequence[Figure]) -> list[float | None]:
    return [figure.value for figure in figures]


def _every(chart: Chart) -> list[float]:
    """The values of all points of a chart."""
    values = [point.figure.value for line in chart.lines for point in line.points]
    return [value for value in values if value is not None]


def bars_of(values: Sequence[float | None], of: Sequence[float]) -> str:
    """A character a value, as high as it stands among the values `of`; a blank for None."""
    low, high = min(of, default=0.0), max(of, default=0.0)
    bars = ""
    for value in values:
        if value is None:
            bars += " "
        else:
            share = (value - low) / (high - low) if high > low else 1.0
            bars += BARS[round(share * (len(BARS) - 1))]
    return bars
