"""An exact test of whether the stack is better than scratch on held-out rows, and its power.

Of n rows the two differ in being right on d; of these the stack is right on b. If it were no
better, b would be binomial (d, ½) (McNemar, Psychometrika 1947, exact and one-sided):

    p = P(B ≥ b),   B ~ Bin(d, ½)

The level is that of models which were trained on a part of the labels; no theorem says that the
delivered ones, trained on all, differ alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

LEVEL = 0.1
BETTER = 0.1  # a true gain for which the power is told: 10 points


@dataclass(frozen=True)
class Gate:
    """The test, carried out.

    rows: n. differing: d. better: b. p: as above. power: the chance that it opens for a stack that
    is truly 10 points better, and differs from scratch as often as this one does.
    """

    rows: int
    differing: int
    better: int
    p: float
    power: float

    @property
    def opens(self) -> bool:
        """Whether the stack is delivered."""
        return self.p <= LEVEL


def gate(ours: np.ndarray, theirs: np.ndarray) -> Gate:
    """The test of two arms. ours, theirs: bool [n], whether each is right on a row."""
    better, differing = int((ours & ~theirs).sum()), int((ours != theirs).sum())
    rows = len(ours)
    return Gate(
        rows, differing, better, p_value(better, differing), power(rows, differing / max(rows, 1))
    )


def p_value(better: int, differing: int) -> float:
    """P(B ≥ b), B ~ Bin(d, ½)."""
    return float(binom.sf(better - 1, differing, 0.5))


def power(rows: int, rate: float, gain: float = BETTER) -> float:
    """Σ_d P(d) P(p ≤ 0.1 | d), d ~ Bin(n, q), b ~ Bin(d, (1 + g/q)/2), where q = max(rate, g).

    rate: the share of rows on which the two differ. gain: g, the true one.
    """
    often = max(rate, gain)
    total = 0.0
    for differing in range(rows + 1):
        chance = binom.pmf(differing, rows, often)
        if chance < 1e-12:
            continue
        passing = [b for b in range(differing + 1) if p_value(b, differing) <= LEVEL]
        if passing:
            win = (1 + gain / often) / 2
            total += chance * binom.sf(passing[0] - 1, differing, win)
    return float(total)
