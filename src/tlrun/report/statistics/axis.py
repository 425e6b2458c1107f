"""The shape of a λ axis: λ* chosen without the seed it is judged on, and whether it beats the ends.

How validation losses were come by (`trainer.select`) is the caller's to name.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Interval = tuple[float, float]  # low, high

FEWEST = 3  # seeds that leave two others to choose by
ENOUGH = 5  # seeds below which an interval is too unsure of its own width for a word
NO_PEAK = "no inner peak shown"


@dataclass(frozen=True)
class Shape:
    """What is shown of an axis. word: as below; why: it as a sentence."""

    word: str
    why: str


def chosen(losses: Mapping[float, Mapping[int, float]]) -> dict[int, float] | None:
    """For each seed the λ of the lowest mean validation loss over all other seeds.

    losses: λ → seed → validation loss, every λ with the same seeds. A loss that is not finite, of a
    run that diverged, counts as infinite; of equal λ's the lowest is taken. So no seed's own luck
    chooses for it. None for fewer than FEWEST seeds, and where no λ has a finite mean.
    """
    seeds = sorted(set().union(*losses.values()))
    if len(seeds) < FEWEST:
        return None
    picked = {}
    for seed in seeds:
        means = {lam: _mean_of_others(losses[lam], seed) for lam in sorted(losses)}
        picked[seed] = min(means, key=lambda lam: means[lam])
        if math.isinf(means[picked[seed]]):
            return None
    return picked


def shape(
    over_zero: Interval,
    over_infinity: Interval,
    inner: Sequence[Interval],
    n: int,
    delta: float | None = None,
    within: str = "the smallest difference of interest",
) -> Shape:
    """What the intervals of an axis with both ends say. Each is of one level, 1-α/m.

    over_zero, over_infinity: of the gain of λ*, `chosen` among the inner λ's, over λ=0 and λ=∞.
    inner: of the gain of each inner λ over λ=∞. n: seeds. delta: δ; within: it as it is written.

    INNER PEAK: both intervals of λ* lie above 0, so that each end has been shown to be worse; an
    intersection-union test (Berger, Technometrics 1982), whose error is that of one interval, and a
    little more: a choice made of nearly the same seeds ties their gains together. Where inner λ's
    are equal, and as good as an end, λ* beats it in 2.5-3 % of studies of 5-20 seeds where a seed's
    validation loss and test score correlate by 0.3 beyond what its λ's share, in 3-5 % at 0.7. Else
    "λ=0 is better", where the interval over it lies below 0. Else FLAT: all of `inner` lie inside
    ±δ, an intersection-union test too. Else "λ=∞ is better". Else "no inner peak shown". λ=0 comes
    before FLAT, which says nothing of it; λ=∞ after, for a difference below δ is of no interest.
    No word for n < ENOUGH, nor where an interval is nan.
    """
    if n < ENOUGH:
        return Shape("", f"{n} seeds, and a word about the axis takes {ENOUGH}")
    if any(math.isnan(end) for interval in (over_zero, over_infinity, *inner) for end in interval):
        return Shape("", "λ* cannot be compared with both ends, for a score is undefined")
    flat = delta is not None and all(-delta < low and high < delta for low, high in inner)
    if over_zero[0] > 0 and over_infinity[0] > 0:
        word, why = "INNER PEAK", "λ* is better than both ends, each by an interval above 0"
    elif over_zero[1] < 0:
        also = ", and so is λ=∞" if over_infinity[1] < 0 else ""
        word, why = "λ=0 is better", f"λ=0 is better than λ*, by an interval above 0{also}"
    elif flat and inner:
        word, why = "FLAT", f"every inner λ is within {within} of λ=∞"
    elif over_infinity[1] < 0:
        word, why = "λ=∞ is better", "λ=∞ is better than λ*, by an interval above 0"
    elif over_zero[0] > 0 or over_infinity[0] > 0:
        shown, other = ("λ=0", "λ=∞") if over_zero[0] > 0 else ("λ=∞", "λ=0")
        word, why = NO_PEAK, f"λ* is better than {shown}, and not told apart from {other}"
    else:
        word, why = NO_PEAK, "λ* is not told apart from either end"
    return Shape(word, why)


def _mean_of_others(by_seed: Mapping[int, float], left_out: int) -> float:
    """The mean loss over all seeds but one; infinite where one of them is not finite."""
    losses = [loss for seed, loss in by_seed.items() if seed != left_out]
    return math.fsum(losses) / len(losses) if all(map(math.isfinite, losses)) else math.inf
