"""Round ticks, and where a value lies on an axis."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tlrun.report.answer import Figure

ROUND = (1.0, 2.0, 5.0, 10.0)  # a step is one of these times a power of ten
FINEST = 1e-9  # of the largest value: below it floats leave steps no room


@dataclass(frozen=True)
class Scale:
    """A straight map from the values low … high to the places start … end of a picture."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """The place of `value`; beyond the ends for one beyond them."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def ticks(low: float, high: float, about: int = 5) -> tuple[float, ...]:
    """Round numbers at even steps, the first at or below `low`, the last at or above `high`.

    about: how many steps are wished for. Where low = high, the two are drawn apart first.
    """
    size = max(abs(low), abs(high))
    least = size * FINEST if high > low else size * 0.1 or 1.0
    if high - low < least:
        low, high = (low + high - least) / 2, (low + high + least) / 2
    rough = (high - low) / about
    base = 10.0 ** math.floor(math.log10(rough))
    step = base * next(r for r in ROUND if r * base >= rough * (1 - FINEST))
    first, last = math.floor(low / step), math.ceil(high / step)
    return tuple(float(f"{k * step:.12g}") for k in range(first, max(last, first + 1) + 1))


def tick_texts(places: tuple[float, ...]) -> tuple[str, ...]:
    """The ticks as text, all with as many decimals as their step needs."""
    step = places[1] - places[0]
    digits = max(0, -math.floor(math.log10(step) + FINEST))
    size = max(abs(places[0]), abs(places[-1]))
    style = "g" if digits > 4 or size >= 1e7 else f",.{digits}f"
    return tuple(f"{place + 0.0:{style}}".replace("-", "−") for place in places)


def finite(values: Iterable[float | None]) -> list[float]:
    """The values that can be drawn: neither None nor nan nor infinite."""
    return [value for value in values if value is not None and math.isfinite(value)]


def reach(figures: Iterable[Figure]) -> list[float]:
    """Every number of `figures` that can be drawn: values and the ends of their intervals."""
    return finite(part for figure in figures for part in (figure.value, figure.low, figure.high))
