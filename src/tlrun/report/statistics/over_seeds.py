"""Statistics of paired gains over seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, stdev


def paired_interval(gains: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Mean and half-width of the t interval of paired `gains` g_1 … g_n, one a seed.

        ḡ ± t_{(1+level)/2, n-1} · s/√n,   s the standard deviation of the gains, over n-1

    ḡ is their mean and t_{p, ν} the p quantile of Student's t with ν degrees of freedom (Student,
    Biometrika 1908). level: the probability that the interval covers the mean of all seeds.

    It covers the draws of labels and weights that seeds are, not new test examples, and one
    comparison, not many. The half-width is nan for n=1: a single gain has no spread.
    """
    from scipy.special import stdtrit  # as scipy.stats.t.ppf is computed, which imports a second

    n = len(gains)
    if n < 2:
        return fmean(gains), math.nan
    return fmean(gains), float(stdtrit(n - 1, (1 + level) / 2)) * stdev(gains) / math.sqrt(n)
