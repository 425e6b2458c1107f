"""The lines of a chart, their bands and marks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from tlrun.report.answer import Figure, Line
from tlrun.report.page.scales import Scale
from tlrun.report.page.svg import element, mark, path, stroke
from tlrun.report.page.x_axis import XAxis

COLOURS = 6  # of style.css
MARKED = 8  # of more points only so many have marks, at even steps
BANDS = 6  # lines above which bands would hide each other


@dataclass(frozen=True)
class Plane:
    """Where a chart draws: values by the axis `x` and the scale `y`."""

    x: XAxis
    y: Scale


@dataclass(frozen=True)
class Place:
    """A drawn point: its place (x, y), and those of its interval's ends, or None."""

    x: float
    y: float
    low: float | None
    high: float | None


def place_of(at: float, figure: Figure, plane: Plane) -> Place | None:
    """Where a point lies; None where its value is undefined."""
    value = figure.value
    if value is None or not math.isfinite(value) or at not in plane.x.places:
        return None
    ends = [end for end in (figure.low, figure.high) if end is not None and math.isfinite(end)]
    low, high = map(plane.y.at, ends) if len(ends) == 2 else (None, None)
    return Place(plane.x.places[at], plane.y.at(value), low, high)


def pieces(line: Line, plane: Plane) -> list[list[Place]]:
    """The drawn points of `line`, in pieces where an undefined one interrupts it."""
    parts: list[list[Place]] = [[]]
    for point in sorted(line.points, key=lambda point: point.at):
        place = place_of(point.at, point.figure, plane)
        if place is None:
            parts.append([])
        else:
            parts[-1].append(place)
    return [part for part in parts if part]


def kind_of(line: Line, k: int) -> str:
    """The class that colours line `k` of a chart."""
    return "control" if line.control else f"s{k % COLOURS}"


def marks(places: Sequence[tuple[float, float]], k: int) -> Markup:
    """The marks of line `k`; hollow where its colour has been used before."""
    return mark(places, k + k // COLOURS, class_="hollow" if k >= COLOURS else None)


def band(line: Line, k: int, plane: Plane) -> Markup:
    """The intervals of a line as an area, or as whiskers of points that stand alone."""
    drawn = []
    for part in pieces(line, plane):
        known = [(p.x, p.low, p.high) for p in part if p.low is not None and p.high is not None]
        if len(known) > 1:
            around = [(x, low) for x, low, _ in known] + [(x, high) for x, _, high in known[::-1]]
            drawn.append(element("polygon", points=path(around), class_="band"))
        drawn += [
            stroke(x, high, down=low - high, class_="whisker")
            for x, low, high in known
            if len(known) == 1
        ]
    return element("g", *drawn, class_=kind_of(line, k))


def curve(line: Line, k: int, plane: Plane) -> Markup:
    """A line through its points, dashed across a break of the axis, and its marks."""
    drawn: list[Markup] = []
    for part in pieces(line, plane):
        for whole, dashed in _strokes(part, plane.x):
            kind = "across" if dashed else None
            drawn.append(element("polyline", points=path(whole), class_=kind))
        drawn.append(marks([(p.x, p.y) for p in part[:: math.ceil(len(part) / MARKED)]], k))
    return element("g", *drawn, class_=f"curve {kind_of(line, k)}")


def _strokes(part: list[Place], x: XAxis) -> Iterator[tuple[list[tuple[float, float]], bool]]:
    """The strokes of a line in one piece, and whether each crosses a break of the axis."""
    places = [(p.x, p.y) for p in part]
    whole = places[:1]
    for before, after in pairwise(places):
        if x.broken(before[0], after[0]):
            if len(whole) > 1:
                yield whole, False
            yield [before, after], True
            whole = [after]
        else:
            whole.append(after)
    if len(whole) > 1:
        yield whole, False
