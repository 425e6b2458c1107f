"""How many seeds and test examples a word takes: by rules of counting, and by the variance alone.

Nothing here reads the gain that was seen: a number of seeds worked out from it would be small
where luck made the gain look large.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from tlrun.report.statistics.paired import Variance


@dataclass(frozen=True)
class Spread:
    """Where the variance of a mean gain comes from, and over how many seeds and test units.

    variance: its parts v_s, v_e and v_r. seeds: n. units: M, test examples or groups of them, the
    pseudo-examples not counted; None where every seed has test examples of its own, so that v_s is
    all there is. right_or_wrong, clustered: as in `Paired`.
    """

    variance: Variance
    seeds: int
    units: int | None
    right_or_wrong: bool = False
    clustered: bool = False


def predicted(spread: Spread, seeds: float, units: float) -> tuple[float, float]:
    """The variance of a mean gain over n' `seeds` and M' `units`, and its degrees of freedom.

    D_ij = μ + a_i + b_j + e_ij (seed i, unit j; Cornfield & Tukey, Ann. Math. Statist. 1956) gives
    v_s = σ_a²/n + σ_e²/nM, v_e = σ_b²/M + σ_e²/nM and v_r = σ_e²/nM, so that

        v' = (v_s-v_r) n/n' + (v_e-v_r) M/M' + v_r nM/n'M'

    with parts below 0 counted as 0, so that v' of today's n and M is max(v_s+v_e-v_r, v_s, v_e).
    Two pseudo-examples, +1 and -1, have brought 2/((M+1)(M+2)) into v_e; that part is worked out
    anew for M'. df is Satterthwaite's (Biometrics 1946), v'²/(v_s'²/(n'-1) + v_e'²/ν'), at least
    the lesser of n'-1 and ν' = (ν+1)·M'/M - 1, with the ν that v_e has in today's df: M-1, or less
    where one of several strata is small. It is M'-1 where units are clusters, n'-1 without units.
    seeds may be infinite.
    """
    v = spread.variance
    n_share = spread.seeds / seeds
    if spread.units is None:
        return v.seeds * n_share, seeds - 1
    m_share = spread.units / units
    neither = min(v.both, max(v.seeds, v.examples))
    pseudo_now, pseudo = 0.0, 0.0
    if spread.right_or_wrong:
        pseudo_now, pseudo = _pseudo(spread.units), _pseudo(units)
    of_seeds = max(v.seeds - neither, 0.0) * n_share
    of_units = max(v.examples - neither - pseudo_now, 0.0) * m_share + pseudo
    of_both = neither * n_share * m_share
    total = of_seeds + of_units + of_both
    if spread.clustered:
        return total, units - 1
    of_examples = max((_df_of_examples(spread) + 1) / m_share - 1, 1.0)
    parts = (of_seeds + of_both) ** 2 / (seeds - 1) + (of_units + of_both) ** 2 / of_examples
    df = total**2 / parts if parts > 0 else math.inf
    return total, max(df, min(seeds - 1, of_examples))


def half_width(spread: Spread, alpha: float, seeds: float, units: float | None = None) -> float:
    """The half-width t_{1-α/2, df}·√v' of the interval over `seeds`, and `units` or today's.

    alpha: α, the probability that the interval misses.
    """
    from scipy.special import ndtri, stdtrit

    v, df = predicted(spread, seeds, units or spread.units or math.inf)
    quantile = ndtri(1 - alpha / 2) if math.isinf(df) else stdtrit(df, 1 - alpha / 2)
    return float(quantile) * math.sqrt(v)


def seeds_needed(spread: Spread, half: float, alpha: float) -> int | None:
    """The fewest seeds whose interval is no wider than ± `half`, on the test units there are.

    None where no number of seeds will do, for the test set alone leaves it wider, or a variance is
    unknown (nan).
    """
    if not half_width(spread, alpha, math.inf) < half:
        return None
    return _fewest(lambda seeds: half_width(spread, alpha, seeds) <= half)


def examples_needed(spread: Spread, half: float, alpha: float) -> int | None:
    """The fewest test units with which some number of seeds gives an interval within ± `half`.

    It is a lower bound: so many with seeds without end. None where seeds have units of their own,
    or a variance is unknown (nan).
    """
    if spread.units is None or math.isnan(spread.variance.total):
        return None
    return _fewest(lambda units: half_width(spread, alpha, math.inf, units) <= half)


def fewest_examples(delta: float, alpha: float, arms: int) -> int:
    """The fewest test examples M that can show two arms to be the same within ± `delta`.

    Where a share δ of all examples differs, none of M does with probability (1-δ)^M; this is at
    most α/2m, the error of one side of m `arms`, from M = ln(α/2m) / ln(1-δ) on: 368 for α=0.05,
    m=1 and δ=0.01. (Louis, Am. Stat. 1981, of a binomial without events.) 1 where δ is no share,
    but 1 or more. delta: above 0.
    """
    if delta >= 1:
        return 1
    return math.ceil(math.log(alpha / (2 * arms)) / math.log1p(-delta))


def enough_examples(spread: Spread | None, delta: float, alpha: float, arms: int) -> bool:
    """Whether there are `fewest_examples`, where scores are right or wrong; else there are."""
    if spread is None or not spread.right_or_wrong or spread.units is None:
        return True
    return spread.units >= fewest_examples(delta, alpha, arms)


def _df_of_examples(spread: Spread) -> float:
    """ν in v²/df = v_s²/(n-1) + v_e²/ν; at most M-1, pseudo-examples counted, and that if lost."""
    assert spread.units is not None
    v, most = spread.variance, spread.units - 1.0 + 2 * spread.right_or_wrong
    rest = v.total**2 / v.df - v.seeds**2 / (spread.seeds - 1) if v.df > 0 else 0.0
    return min(v.examples**2 / rest, most) if rest > 0 and v.examples > 0 else most


def _pseudo(units: float) -> float:
    """What two pseudo-examples, +1 and -1, add to v_e over M = `units` others: 2/((M+1)(M+2))."""
    return 2 / ((units + 1) * (units + 2))


def _fewest(enough: Callable[[int], bool]) -> int:
    """The lowest whole number from 2 on that is enough, where all above it are."""
    high = 2
    while not enough(high):
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        if enough(middle):
            high = middle
        else:
            low = middle
    return high
