"""How a score, a gain and an interval are written."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tlrun.core.metrics import TABLE, metric_of
from tlrun.report.statistics import paired_interval

PERCENT = "%"


def unit_of(name: str) -> str:
    """In what a score is written that has the name of a metric or of a headline: "%", or as it
    is.
    """
    metric = metric_of(name)
    return "" if metric is None else metric.unit


def with_unit(name: str) -> str:
    """The name of a metric or a headline, and the unit that its scores are written in."""
    return f"{name} {unit}" if (unit := unit_of(name)) else name


def in_points() -> str:
    """The metrics whose differences are in points, since they are written in %."""
    return ", ".join(metric.name for metric in TABLE.values() if metric.unit == PERCENT)


def gain_of(name: str, score: float | None, base: float | None) -> float | None:
    """By how much one score of the metric or headline `name` is better than another; None where
    either is undefined.
    """
    if score is None or base is None:
        return None
    metric = metric_of(name)
    return score - base if metric is None else metric.gain(score, base)


def number(name: str, value: float | None, signed: bool = False, unit: str | None = None) -> str:
    """A score of the metric or headline `name`, or (signed) a difference of scores; "–" for none.

    unit: "%" or "" instead of the name's.
    """
    if value is None or math.isnan(value):
        return "–"
    sign = "+" if signed else ""
    percent = (unit_of(name) if unit is None else unit) == PERCENT
    return f"{100 * value:{sign}.1f}" if percent else f"{value:{sign}.3f}"


def interval(
    name: str,
    values: Sequence[float | None],
    signed: bool = False,
    seeds: int | None = None,
    digits: int | None = None,
    unit: str | None = None,
) -> str:
    """Mean ± half-width; with its own n where some of the `seeds` lack a run. digits, unit: instead
    of the name's.
    """
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return "–"
    mean, half = paired_interval(known)
    fewer = f" (n={len(known)})" if seeds is not None and len(known) < seeds else ""
    if digits is not None:
        sign = "+" if signed else ""
        width = "–" if math.isnan(half) else f"{half:.{digits}f}"
        return f"{mean:{sign}.{digits}f} ± {width}{fewer}"
    return f"{number(name, mean, signed, unit)} ± {number(name, half, unit=unit)}{fewer}"
