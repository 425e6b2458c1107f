"""How a score, a gain and an interval are written."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tlrun.report.statistics import paired_interval


def number(name: str, value: float | None, signed: bool = False) -> str:
    """A score, or (signed) a difference of scores, of the headline `name`: accuracy in %, others as
    they are.
    """
    if value is None or math.isnan(value):
        return "–"
    sign = "+" if signed else ""
    return f"{100 * value:{sign}.1f}" if name.endswith("accuracy") else f"{value:{sign}.3f}"


def interval(
    name: str,
    values: Sequence[float | None],
    signed: bool = False,
    seeds: int | None = None,
    digits: int | None = None,
) -> str:
    """Mean ± half-width; with its own n where some of the `seeds` lack a run. digits: instead of
    the name's.
    """
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return "–"
    mean, half = paired_interval(known)
    fewer = f" (n={len(known)})" if seeds is not None and len(known) < seeds else ""
    if digits is not None:
        return f"{mean:{'+' if signed else ''}.{digits}f} ± {'–' if math.isnan(half) else f'{half:.{digits}f}'}{fewer}"
    return f"{number(name, mean, signed)} ± {number(name, half)}{fewer}"
