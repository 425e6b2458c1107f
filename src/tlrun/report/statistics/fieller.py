"""Ratios of paired means: by how much in a hundred sharing is better than learning alone, Δm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlrun.core.metrics import metric_of

SURE = 10.0  # standard errors that a mean stands above 0 where it may be divided by


@dataclass(frozen=True)
class TaskScores:
    """The scores of one task. metric: which; together, alone: float64 [n], paired by seed."""

    metric: str
    together: np.ndarray
    alone: np.ndarray


@dataclass(frozen=True)
class RelativeGain:
    """Δm as a share, 0.05 for 5 %, and its interval. low and high may be infinite."""

    mean: float
    low: float
    high: float


def fieller(top: np.ndarray, bottom: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Fieller's interval of E[top]/E[bottom], paired: float64 [n] each, n ≥ 2.

    All ρ for which the mean of y_i - ρ x_i, y of `top` and x of `bottom`, is not shown to differ
    from 0 by a t test of n-1 degrees of freedom (Fieller, J. R. Stat. Soc. B 1954), which is

        (ȳ - ρx̄)² ≤ t²·(s_yy - 2ρ s_xy + ρ² s_xx)/n

    an interval between the roots of a quadratic where x̄ differs from 0 by the same test, and
    otherwise given as (-∞, ∞). It is exact for normal y - ρx, however few seeds.
    """
    from scipy.special import stdtrit

    n = len(top)
    t = float(stdtrit(n - 1, (1 + level) / 2))
    y, x = float(np.mean(top)), float(np.mean(bottom))
    of_means = np.cov(top, bottom) / n * t**2
    square = x**2 - of_means[1, 1]
    if square <= 0:
        return -math.inf, math.inf
    middle = x * y - of_means[0, 1]
    root = math.sqrt(max(middle**2 - square * (y**2 - of_means[0, 0]), 0.0))
    return float((middle - root) / square), float((middle + root) / square)


def relative_gain(tasks: Sequence[TaskScores], level: float = 0.95) -> RelativeGain | None:
    """Δm: the mean relative gain of tasks learnt together over each learnt alone (Maninis 2019).

        Δm = 1/T Σ_i ±(r_i - 1),   r_i = mean over seeds of M_i / mean over seeds of S_i

    over T tasks, M_i of `together` and S_i of `alone`; - where lower is better. It is a ratio of
    means and no mean of ratios, which a seed of small S_i would rule. For one task the interval is
    Fieller's. For several, with (l_i, u_i) Fieller's of r_i and ρ_ij the correlation over seeds of
    (M_i - r_i S_i) and (M_j - r_j S_j), whose scaled mean the error of r_i is to first order,

        mean of r ± 1/T √(Σ_ij ρ_ij d_i d_j),   d_i = r_i - l_i below, u_i - r_i above

    (MOVER: Zou & Donner, Stat. Med. 2008). It covers seeds, not new test examples.

    None without tasks, with fewer than two seeds, where tasks are judged by different metrics or by
    one with no better side, and unless the mean of every S_i exceeds SURE of its standard errors.
    """
    names = {task.metric for task in tasks}
    metric = metric_of(names.pop()) if len(names) == 1 else None
    if metric is None or not all(_sure(task.alone) for task in tasks):
        return None
    if not all(np.isfinite(task.together).all() for task in tasks):
        return None
    ratios, lows, highs, rests = [], [], [], []
    for task in tasks:
        ratio = float(np.mean(task.together) / np.mean(task.alone))
        low, high = fieller(task.together, task.alone, level)
        rest = task.together - ratio * task.alone
        length = float(np.linalg.norm(rest))  # its mean is 0
        ratios.append(ratio)
        lows.append(ratio - low)
        highs.append(high - ratio)
        rests.append(rest / length if length > 0 else rest)
    below, above = _joined(lows, rests), _joined(highs, rests)
    mean = float(np.mean(ratios)) - 1
    if metric.higher_is_better:
        return RelativeGain(mean, mean - below, mean + above)
    return RelativeGain(-mean, -mean - above, -mean + below)


def _sure(scores: np.ndarray) -> bool:
    """Whether the mean of scores [n] exceeds SURE of its standard errors."""
    if len(scores) < 2 or not np.isfinite(scores).all():
        return False
    return bool(np.mean(scores) > SURE * np.std(scores, ddof=1) / math.sqrt(len(scores)))


def _joined(distances: Sequence[float], rests: Sequence[np.ndarray]) -> float:
    """1/T √(Σ_ij ρ_ij d_i d_j): the length of Σ_i d_i z_i / T, z_i the rest [n] of length 1."""
    if not np.isfinite(distances).all():
        return math.inf
    total = np.sum([d * rest for d, rest in zip(distances, rests, strict=True)], axis=0)
    return float(np.linalg.norm(total)) / len(distances)
