"""A chart as a drawing: lines over an axis, each named beside its end, and levels of controls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from tlrun.report.answer import Chart, Figure
from tlrun.report.page.curves import BANDS, Plane, band, curve, kind_of, marks, pieces
from tlrun.report.page.placing import cut, rows, spread, width_of
from tlrun.report.page.scales import Scale, finite, reach, tick_texts, ticks
from tlrun.report.page.svg import drawing, element, stroke
from tlrun.report.page.x_axis import x_axis

GAP = 18  # between two names, from baseline to baseline


@dataclass(frozen=True)
class Form:
    """Sizes of a drawing. beside: whether names stand beside the lines; below in a key otherwise.

    letters: their size. inset: how far the first and last value lie from the ends of the axis.
    """

    width: float
    plot: float
    left: float
    inset: float
    letters: float
    beside: bool
    class_: str


WIDE = Form(920, 340, 52, 36, 13, True, "chart wide")
NARROW = Form(344, 230, 36, 20, 11, False, "chart narrow")


def values_of(chart: Chart) -> list[Figure]:
    """Every figure that `chart` shows."""
    of_lines = [point.figure for line in chart.lines for point in line.points]
    return of_lines + [figure for _, figure in chart.levels]


def draw(chart: Chart, form: Form) -> Markup:
    """The drawing of `chart`; empty where none of its figures is defined."""
    values = values_of(chart)
    reached = reach(values)
    if not finite(figure.value for figure in values):
        return Markup("")
    names = [line.label for line in chart.lines] + [name for name, _ in chart.levels]
    margin = 14.0
    if form.beside:
        margin = 24 + min(230, max(width_of(name, form.letters) for name in names))
    right, top = form.width - margin, 32.0
    bottom = top + max(form.plot, GAP * len(names) if form.beside else 0)
    levels = ticks(min(reached), max(reached))
    plane = Plane(
        x_axis(chart, form.left + form.inset, right - form.inset),
        Scale(levels[0], levels[-1], bottom, top),
    )
    under, height = _under(chart, plane, form, bottom, right)
    drawn = [*_grid(chart, plane, form, levels, right), *under]
    drawn += _levels(chart, plane, form, right)
    if len(chart.lines) <= BANDS:
        drawn += [band(line, k, plane) for k, line in enumerate(chart.lines)]
    drawn += [curve(line, k, plane) for k, line in enumerate(chart.lines)]
    if form.beside:
        drawn += _names_beside(chart, plane, form, right)
    else:
        key, height = _key(chart, form, height)
        drawn += [*key, *_names_of_levels(chart, plane, form, right)]
    return drawing(form.width, height, form.class_, chart.title, _said(chart), *drawn)


def _said(chart: Chart) -> str:
    """The chart in words, for who cannot see it."""
    shown = ", ".join(cut(line.label, 40, 1) for line in chart.lines[:8]) or "no line"
    more = f" and {len(chart.lines) - 8} more" if len(chart.lines) > 8 else ""
    return f"{chart.y} by {chart.x}: {shown}{more}. Every number stands in the table below."


def _word(x: float, y: float, words: str, anchor: str | None = None, kind: str = "") -> Markup:
    """A line of text. anchor: middle or end; at its start where None."""
    return element("text", words, x=x, y=y, text_anchor=anchor, class_=kind or None)


def _grid(
    chart: Chart, plane: Plane, form: Form, levels: tuple[float, ...], right: float
) -> Iterator[Markup]:
    """The title of the y axis, and a line and its number for each of its ticks."""
    heading = f"{chart.y}, {chart.unit}" if chart.unit and chart.unit not in chart.y else chart.y
    yield _word(0.0, 13.0, cut(heading, form.width, form.letters), kind="axis")
    factor = 100 if chart.unit == "%" else 1
    for place, words in zip(levels, tick_texts(tuple(factor * v for v in levels)), strict=True):
        y = plane.y.at(place)
        yield stroke(form.left, y, right - form.left, class_="grid")
        yield _word(form.left - 8, y + 0.35 * form.letters, words, "end", "tick")


def _under(
    chart: Chart, plane: Plane, form: Form, bottom: float, right: float
) -> tuple[list[Markup], float]:
    """What stands below the axis: ticks, breaks, what its ends mean, its title; and where it ends.

    A tick that would touch the one before has no text; names of ends move to a lower row instead.
    """
    drawn, size = [], form.letters
    for x in plane.x.breaks:
        drawn.append(element("rect", x=x - 4, y=bottom - 3, width=8, height=6, class_="gap"))
        drawn += [stroke(x + d - 2, bottom + 5, 4, -10, class_="rift") for d in (-3, 3)]
    spans = [_span(x, cut(name, 90, size), size) for x, name in plane.x.ticks]
    for (x, name), row in zip(plane.x.ticks, rows(spans, 6), strict=True):
        drawn.append(stroke(x, bottom, down=5, class_="tick"))
        if row == 0 or x == plane.x.ticks[-1][0]:
            drawn.append(_word(x, bottom + 20, cut(name, 90, size), "middle", "tick"))
    y = bottom + 20.0
    ends = [(x, cut(chart.ends[n], 0.5 * form.width, size)) for x, n in plane.x.ticks
            if n in chart.ends]  # fmt: skip
    spans = [_span(x, name, size, form.width) for x, name in ends]
    below = rows(spans, 10)
    for (start, end), (_, name), row in zip(spans, ends, below, strict=True):
        drawn.append(_word((start + end) / 2, y + 17 + 15 * row, name, "middle", "end"))
    y += 15 * (max(below) + 1) + 6 if below else 4
    title = cut(chart.x, right - form.left, size)
    drawn.append(_word((form.left + right) / 2, y + 17, title, "middle", "axis"))
    return drawn, y + 26


def _span(x: float, words: str, size: float, most: float | None = None) -> tuple[float, float]:
    """From where to where `words` about x reach, moved to lie within 0 … `most`."""
    half = width_of(words, size) / 2
    if most is not None:
        x = min(max(x, half), most - half)
    return x - half, x + half


def _levels(chart: Chart, plane: Plane, form: Form, right: float) -> Iterator[Markup]:
    """A dashed line for each control."""
    for _, figure in chart.levels:
        for value in finite((figure.value,)):
            y = plane.y.at(value)
            yield stroke(form.left, y, right - form.left, class_="level")


def _names_beside(chart: Chart, plane: Plane, form: Form, right: float) -> Iterator[Markup]:
    """The name of each line and level right of the plot, moved apart, with a lead to its end."""
    wanted: list[tuple[float, float, str, str]] = []
    for k, line in enumerate(chart.lines):
        if drawn := pieces(line, plane):
            end = drawn[-1][-1]
            wanted.append((end.x + 6, end.y, line.label, f"name {kind_of(line, k)}"))
    for name, figure in chart.levels:
        wanted += [(right, plane.y.at(v), name, "name level") for v in finite((figure.value,))]
    places = spread([y for _, y, _, _ in wanted], GAP, plane.y.end, plane.y.start)
    for (x, y, name, kind), place in zip(wanted, places, strict=True):
        if abs(place - y) > 3 or x < right - form.inset:
            yield stroke(x, y, right + 6 - x, place - y, class_="lead")
        words = cut(name, form.width - right - 12, form.letters)
        yield _word(right + 10, place + 4.5, words, kind=kind)


def _names_of_levels(chart: Chart, plane: Plane, form: Form, right: float) -> Iterator[Markup]:
    """The name of each level upon its line, moved apart where two would meet."""
    wanted = [(n, plane.y.at(v)) for n, figure in chart.levels for v in finite((figure.value,))]
    places = spread([y - 4 for _, y in wanted], 13, plane.y.end, plane.y.start)
    for (name, _), y in zip(wanted, places, strict=True):
        words = cut(name, 0.5 * form.width, form.letters)
        yield _word(right, y, words, "end", "name level halo")


def _key(chart: Chart, form: Form, top: float) -> tuple[list[Markup], float]:
    """A row for each line below the chart, its mark and its name; and where the last one ends."""
    drawn = []
    for k, line in enumerate(chart.lines):
        y = top + 10 + GAP * k
        words = cut(line.label, form.width - 64, form.letters)
        drawn.append(
            element(
                "g",
                element("polyline", points=f"0,{y:g} 16,{y:g}"),
                marks([(8, y)], k),
                _word(24.0, y + 4, words, kind="name"),
                class_=f"curve {kind_of(line, k)}",
            )
        )
    return drawn, top + GAP * len(chart.lines) + 8
