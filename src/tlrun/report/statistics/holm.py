"""p values of gains, mended for how many there are, and signs: what stands beside the intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence


def p_value(mean: float, v: float, df: float) -> float:
    """The two-sided p value of a mean gain: 2·P(T_df > |ḡ|/√v).

    mean: ḡ; v: its variance; df: of Student's t (Biometrika 1908). p < α just where the interval
    ḡ ± t_{1-α/2, df}·√v does not hold 0. Without variance it is 0, or 1 for no gain; nan of nan.
    """
    from scipy.special import stdtr

    if math.isnan(mean) or math.isnan(v):
        return math.nan
    if v <= 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stdtr(df, -abs(mean) / math.sqrt(v)))


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p values, in the order of `ps`.

        p̃_(i) = max_{j≤i} min(1, (K-j+1)·p_(j)),   p_(1) ≤ … ≤ p_(K)

    Rejecting where p̃ < α has a probability of at most α that any of the K true hypotheses is
    rejected, however they depend on one another (Holm, Scand. J. Stat. 1979).
    """
    adjusted = [0.0] * len(ps)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda place: ps[place])):
        highest = max(highest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = highest
    return adjusted


def signs(gains: Sequence[float]) -> int:
    """On how many seeds the gain is above 0."""
    return sum(gain > 0 for gain in gains)
