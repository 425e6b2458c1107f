"""The axis below a chart: λ from 0 to ∞, labels on a logarithmic scale, or steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tlrun.report.answer import Chart
from tlrun.report.page.scales import Scale, tick_texts, ticks

LEAST = 0.45  # of the mean distance of two neighbouring λ: nearer ones are drawn this far apart


@dataclass(frozen=True)
class XAxis:
    """places: where each value of the data stands, by the value.

    ticks: places and their texts. breaks: places where the axis is interrupted, because what lies
    beyond (0 or ∞ of a logarithmic axis) has no distance from what lies before.
    """

    places: Mapping[float, float]
    ticks: tuple[tuple[float, str], ...]
    breaks: tuple[float, ...] = ()

    def broken(self, start: float, end: float) -> bool:
        """Whether the axis is interrupted between two places."""
        return any(start < place < end for place in self.breaks)


def x_axis(chart: Chart, left: float, right: float) -> XAxis:
    """The axis of `chart` between the places `left` and `right`; empty without a point."""
    names = {point.at: point.name for line in chart.lines for point in line.points}
    values = sorted(at for at in names if not math.isnan(at))
    if not values:
        return XAxis({}, ())
    if chart.kind == "steps" and all(map(math.isfinite, values)):
        return _straight(values, left, right)
    distances, ends = _distances(values)
    if len(values) == 1:
        places = {values[0]: (left + right) / 2}
    else:
        total = math.fsum(distances)
        steps = [math.fsum(distances[:k]) / total for k in range(len(values))]
        places = {at: left + (right - left) * k for at, k in zip(values, steps, strict=True)}
    breaks = tuple(
        (places[values[k]] + places[values[k + 1]]) / 2 for k, end in enumerate(ends) if end
    )
    return XAxis(places, tuple((places[at], names[at]) for at in values), breaks)


def _straight(values: Sequence[float], left: float, right: float) -> XAxis:
    """An axis of even steps, with round ticks."""
    marks = ticks(values[0], values[-1])
    scale = Scale(marks[0], marks[-1], left, right)
    named = zip(map(scale.at, marks), tick_texts(marks), strict=True)
    return XAxis({at: scale.at(at) for at in values}, tuple(named))


def _distances(values: Sequence[float]) -> tuple[list[float], list[bool]]:
    """How far each of `values` is drawn from the next, and whether a break lies between.

    Between positive numbers it is the difference of logarithms over their mean, not below LEAST;
    to 0 (or a number below it) and to ∞ it is 1.
    """
    pairs = list(pairwise(values))
    logs = [
        math.log(after) - math.log(before) if before > 0 and after < math.inf else None
        for before, after in pairs
    ]
    known = [log for log in logs if log is not None]
    mean = math.fsum(known) / len(known) if known else 1.0
    distances = [1.0 if log is None else max(LEAST, log / mean) for log in logs]
    return distances, [log is None for log in logs]
