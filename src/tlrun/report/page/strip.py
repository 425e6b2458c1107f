"""The small picture beside a gain: a dot, its interval, and where 0 is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from markupsafe import Markup

from tlrun.report.answer import Arm, Gain
from tlrun.report.page.scales import Scale, finite, reach, ticks
from tlrun.report.page.svg import drawing, element, mark, path, stroke

WIDTH, HEIGHT, EDGE = 104, 16, 6
OUTLYING = 5.0  # times the median size of a gain: what lies beyond is shown as an arrow
SHAPES = {"above": 0, "below": 2, "neither": 0, "–": 0}
SAID = {
    "above": "shown above 0",
    "below": "shown below 0",
    "neither": "not told from 0",
    "–": "without an interval",
}


@dataclass(frozen=True)
class StripScale:
    """The scale that all strips of a study share. delta: what counts as the same, or None."""

    low: float
    high: float
    delta: float | None = None

    def at(self, value: float) -> float:
        """The place of `value` in a strip."""
        return Scale(self.low, self.high, EDGE, WIDTH - EDGE).at(value)


def strip_scale(arms: Sequence[Arm], delta: float | None) -> StripScale | None:
    """A scale from and to round numbers, with 0 on it, for every gain of `arms`; None without one.

    A gain of more than OUTLYING times the median would press the others together and lies beyond.
    """
    figures = [gain.figure for arm in arms for gain in arm.gains]
    ends = [*reach(figures), 0.0]
    sizes = [abs(value) for value in finite(figure.value for figure in figures) if value]
    if not sizes:
        return None
    most = OUTLYING * median(sizes)
    low, high = max(min(ends), -most), min(max(ends), most)
    marks = ticks(low, high, 16)
    return StripScale(marks[0], marks[-1], delta)


def strip(gain: Gain, scale: StripScale) -> Markup:
    """The picture of `gain`; empty where it has no value."""
    value = gain.figure.value
    if value is None or not math.isfinite(value):
        return Markup("")
    parts = []
    if scale.delta:
        start, end = (scale.at(_inside(d, scale)) for d in (-scale.delta, scale.delta))
        parts.append(element("rect", x=start, y=1, width=end - start, height=HEIGHT - 2))
    zero = scale.at(0.0)
    parts.append(stroke(zero, 1, down=HEIGHT - 2, class_="zero"))
    middle = HEIGHT / 2
    ends = finite((gain.figure.low, gain.figure.high))
    if len(ends) == 2:
        start, end = (scale.at(_inside(end, scale)) for end in ends)
        parts.append(stroke(start, middle, end - start, class_="whisker"))
    parts += [_arrow(end) for end in (-1, 1) if _beyond([value, *ends], scale, end)]
    if scale.low <= value <= scale.high:
        parts.append(mark([(scale.at(value), middle)], SHAPES[gain.shown], 2.8, "dot"))
    title = f"over {gain.over}: {gain.figure.text}"
    kind = {"above": "above", "below": "below"}.get(gain.shown, "neither")
    return drawing(WIDTH, HEIGHT, f"strip {kind}", title, SAID[gain.shown], *parts)


def _inside(value: float, scale: StripScale) -> float:
    """`value`, or the end of the scale that it lies beyond."""
    return min(max(value, scale.low), scale.high)


def _beyond(values: Sequence[float], scale: StripScale, end: int) -> bool:
    """Whether one of `values` lies beyond an end of the scale: -1 the low one, 1 the high one."""
    return min(values) < scale.low if end < 0 else max(values) > scale.high


def _arrow(end: int) -> Markup:
    """An arrow head at an end of the strip: what is drawn goes on beyond."""
    tip = WIDTH - 0.5 if end > 0 else 0.5
    back, middle = tip - 5 * end, HEIGHT / 2
    corners = [(tip, middle), (back, middle - 3.5), (back, middle + 3.5)]
    return element("polygon", points=path(corners), class_="arrow")
