import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from tlrun.report.statistics.fieller import TaskScores, fieller, relative_gain
from tlrun.report.statistics.over_seeds import paired_interval

SEEDS = st.integers(0, 10_000)


def drawn(seed: int, n: int = 8, alone: float = 0.6) -> tuple[np.ndarray, np.ndarray]:
    """Scores together and alone, correlated over seeds."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0, 0.03, n)
    one = 0.66 + common + rng.normal(0, 0.02, n)
    other = alone + common + rng.normal(0, 0.02, n)
    return one, other


@given(SEEDS, st.floats(0.5, 0.999))
def test_its_ends_are_where_the_t_test_begins_to_reject(seed: int, level: float) -> None:
    top, bottom = drawn(seed)

    for end in fieller(top, bottom, level):
        found = stats.ttest_1samp(top - end * bottom, 0.0)
        assert found.pvalue == pytest.approx(1 - level, rel=1e-6)


def test_its_ends_are_the_roots_that_a_search_finds() -> None:
    top, bottom = drawn(0)

    def over(rho: float) -> float:
        return float(stats.ttest_1samp(top - rho * bottom, 0.0).pvalue) - 0.05

    ratio = top.mean() / bottom.mean()
    low, high = fieller(top, bottom)
    assert low == pytest.approx(optimize.brentq(over, ratio - 1, ratio))
    assert high == pytest.approx(optimize.brentq(over, ratio, ratio + 1))


def test_of_a_sure_denominator_it_is_the_t_interval() -> None:
    top, _ = drawn(1)
    mean, half = paired_interval((top / 0.5).tolist())

    assert fieller(top, np.full(8, 0.5)) == pytest.approx((mean - half, mean + half), rel=1e-9)


@given(SEEDS, st.floats(0.1, 10), st.floats(0.1, 10))
def test_it_scales_as_the_ratio_does(seed: int, up: float, down: float) -> None:
    top, bottom = drawn(seed)
    low, high = fieller(top, bottom)

    assert fieller(up * top, down * bottom) == pytest.approx((low * up / down, high * up / down))


def test_of_a_denominator_that_may_be_0_nothing_is_said() -> None:
    top, _ = drawn(2)

    assert fieller(top, np.array([-1.0, 1.0] * 4)) == (-math.inf, math.inf)


def test_delta_m_of_one_task_is_fiellers() -> None:
    top, bottom = drawn(3)
    found = relative_gain([TaskScores("accuracy", top, bottom)])
    low, high = fieller(top, bottom)

    assert found is not None
    assert found.mean == pytest.approx(top.mean() / bottom.mean() - 1)
    assert (found.low, found.high) == pytest.approx((low - 1, high - 1))


def test_where_lower_is_better_the_sides_change() -> None:
    top, bottom = drawn(4)
    higher = relative_gain([TaskScores("accuracy", top, bottom)])
    lower = relative_gain([TaskScores("mae", top, bottom)])

    assert higher is not None
    assert lower is not None
    assert (lower.mean, lower.low, lower.high) == (-higher.mean, -higher.high, -higher.low)


def test_a_task_told_twice_is_one_task() -> None:
    task = TaskScores("auc", *drawn(5))
    once, twice = relative_gain([task]), relative_gain([task, task])

    assert once is not None
    assert twice is not None
    assert (twice.mean, twice.low, twice.high) == pytest.approx((once.mean, once.low, once.high))


def test_several_tasks_are_close_to_the_delta_method_where_denominators_are_sure() -> None:
    """Whose variance is that of 1/T Σ_i (M_i - r_i S_i)/S̄_i, a number a seed."""
    tasks = [TaskScores("accuracy", *drawn(seed, n=20, alone=0.9)) for seed in (6, 7, 8)]
    shares = []
    for task in tasks:
        ratio = task.together.mean() / task.alone.mean()
        shares.append((task.together - ratio * task.alone) / task.alone.mean())
    _, half = paired_interval(np.mean(shares, axis=0).tolist())

    found = relative_gain(tasks)
    assert found is not None
    assert found.high - found.mean == pytest.approx(half, rel=0.02)
    assert found.mean - found.low == pytest.approx(half, rel=0.02)


def test_a_small_task_of_unsure_score_gives_no_delta_m() -> None:
    sure = TaskScores("r2", *drawn(9))
    small = TaskScores("r2", sure.together, sure.alone - sure.alone.mean() + 0.05)
    errors = sure.alone.std(ddof=1) / math.sqrt(8)
    edge = sure.alone - sure.alone.mean() + 10 * errors

    assert relative_gain([sure]) is not None
    assert relative_gain([sure, small]) is None
    assert relative_gain([TaskScores("r2", sure.together, edge * 0.99 - 0.01 * errors)]) is None
    assert relative_gain([TaskScores("r2", sure.together, edge + 0.01 * errors)]) is not None
    assert relative_gain([TaskScores("r2", sure.together, -sure.alone)]) is None


def test_what_has_no_delta_m() -> None:
    top, bottom = drawn(10)
    one = TaskScores("accuracy", top, bottom)

    assert relative_gain([]) is None
    assert relative_gain([one, TaskScores("auc", top, bottom)]) is None
    assert relative_gain([TaskScores("loss", top, bottom)]) is None
    assert relative_gain([TaskScores("accuracy", top[:1], bottom[:1])]) is None
    undefined = np.array([math.nan, *top[1:]])
    assert relative_gain([one, TaskScores("accuracy", top, undefined)]) is None
    assert relative_gain([one, TaskScores("accuracy", undefined, bottom)]) is None


def test_tasks_that_do_not_vary_are_known() -> None:
    flat = TaskScores("accuracy", np.full(5, 0.6), np.full(5, 0.5))
    found = relative_gain([flat, flat])

    assert found is not None
    assert (found.mean, found.low, found.high) == pytest.approx((0.2, 0.2, 0.2))
