"""How a score, a gain and an interval are written."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tlrun.core.metrics import metric_of
from tlrun.report.statistics.over_seeds import paired_interval

PERCENT = "%"
# Seeds that an interval is shown of: of two, t has one degree of freedom, and ± is noise.
FEWEST_OF_INTERVAL = 3


def unit_of(name: str) -> str:
    """The unit that scores of the metric or headline `name` are written in, as `Metric.unit` is."""
    metric = metric_of(name)
    return "" if metric is None else metric.unit


def with_unit(name: str) -> str:
    """The name of a metric or a headline, with % where its scores are written so."""
    return f"{name} {PERCENT}" if unit_of(name) == PERCENT else name


def gain_of(name: str, score: float | None, base: float | None) -> float | None:
    """By how much `score` is better than `base`, two scores of the metric or headline `name`.

    Above 0 is better, whichever way the metric gets better. None where either is undefined, and
    where `name` is no metric, so that nothing says which way is better.
    """
    metric = metric_of(name)
    if score is None or base is None or metric is None:
        return None
    return metric.gain(score, base)


def defined(values: Sequence[float | None]) -> list[float]:
    """The scores or gains of `values` that are not None."""
    return [value for value in values if value is not None]


def number(name: str, value: float | None, signed: bool = False, unit: str | None = None) -> str:
    """A score of the metric or headline `name`, or (signed) a difference of scores; "–" for none.

    unit: instead of the name's.
    """
    if value is None or math.isnan(value):
        return "–"
    if unit is None:
        unit = unit_of(name)
    sign = "+" if signed else ""
    if unit == PERCENT:
        return f"{100 * value:{sign}.1f}"
    if unit == "label's":  # of any size
        whole = 1e3 <= abs(value) < 1e12
        return f"{value:{sign},.0f}" if whole else f"{value:{sign}.4g}"
    return f"{value:{sign}.3f}"


def interval(
    name: str,
    values: Sequence[float | None],
    signed: bool = False,
    seeds: int | None = None,
    digits: int | None = None,
    unit: str | None = None,
) -> str:
    """The mean of `values`, one a seed, ± the half-width of its 95 % t interval.

    "–" where there is no value, or one of them is undefined.

    name: the metric or headline. signed: for a difference of scores.
    seeds: how many there are; where fewer have a value, their number stands behind the interval.
    digits: decimals, of values as they are; unit: both instead of the name's.
    """
    known = defined(values)
    if not known or len(known) < len(values):
        return "–"
    mean, half = paired_interval(known)
    if digits is None:
        text = f"{number(name, mean, signed, unit)} ± {number(name, half, unit=unit)}"
    else:
        sign = "+" if signed else ""
        width = "–" if math.isnan(half) else f"{half:.{digits}f}"
        text = f"{mean:{sign}.{digits}f} ± {width}"
    if seeds is not None and len(known) < seeds:
        return f"{text} (n={len(known)})"
    return text
