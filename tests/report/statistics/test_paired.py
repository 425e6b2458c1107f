import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student
from scipy.stats import ttest_1samp

from tlrun.report.statistics.over_seeds import paired_interval
from tlrun.report.statistics.paired import Paired, interval, variance

SEEDS = st.integers(0, 2**32 - 1)


def crossed(seed: int, n: int = 6, M: int = 20, strata: int = 1, right: bool = False) -> Paired:
    """Some values with effects of seeds and of examples; right: differences of 0 and 1."""
    rng = np.random.default_rng(seed)
    values = rng.normal(0.5, 1, (n, M)) + rng.normal(size=(n, 1)) + rng.normal(size=M)
    if right:
        values = np.sign(np.round(values / 2))
    kinds = np.arange(M) % strata
    means = np.stack([values[:, kinds == s].mean(axis=1) for s in range(strata)])
    weights = rng.uniform(0.5, 2, strata) if strata > 1 else np.ones(1)
    return Paired(weights @ means, values, kinds, weights, right_or_wrong=right)


def test_hand_values() -> None:
    """Two seeds, three examples; means of seeds 1 and 3, of examples 1, 2 and 3."""
    values = np.array([[0.0, 1.0, 2.0], [2.0, 3.0, 4.0]])
    found = variance(Paired(values.mean(axis=1), values))

    assert found.centre == 2
    assert found.seeds == pytest.approx(2 / 2)
    assert found.examples == pytest.approx(1 / 3)
    assert found.both == pytest.approx(0)
    assert found.total == pytest.approx(4 / 3)
    assert found.df == pytest.approx((4 / 3) ** 2 / (1 / 1 + (1 / 9) / 2))


@given(SEEDS, st.integers(2, 6), st.integers(2, 9))
def test_the_parts_are_their_sums_of_squares(seed: int, n: int, M: int) -> None:
    paired = crossed(seed, n, M)
    assert paired.values is not None
    D = paired.values
    rest = D - D.mean(axis=1)[:, None] - D.mean(axis=0) + D.mean()
    v_s, v_e = D.mean(axis=1).var(ddof=1) / n, D.mean(axis=0).var(ddof=1) / M
    v_r = (rest**2).sum() / ((n - 1) * (M - 1) * n * M)
    v = max(v_s + v_e - v_r, v_s, v_e)

    found = variance(paired)
    assert [found.seeds, found.examples, found.both, found.total] == pytest.approx(
        [v_s, v_e, v_r, v]
    )
    df = v**2 / (v_s**2 / (n - 1) + v_e**2 / (M - 1))
    assert found.df == pytest.approx(max(df, min(n, M) - 1))


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=20), st.floats(0.5, 0.99))
def test_without_examples_of_their_own_it_is_the_paired_t_interval(
    gains: list[float], level: float
) -> None:
    found = interval(Paired(np.array(gains), None), level)
    mean, half = paired_interval(gains, level)

    assert found.mean == found.centre == pytest.approx(mean, abs=1e-15)
    assert found.df == len(gains) - 1
    assert math.isnan(found.half) or found.half == pytest.approx(half)
    assert not (np.ptp(gains) > 1e-6 and math.isnan(found.half))


@given(SEEDS)
def test_examples_that_are_all_alike_leave_the_t_test_over_seeds(seed: int) -> None:
    gains = np.random.default_rng(seed).normal(size=7)
    found = interval(Paired(gains, np.repeat(gains[:, None], 30, axis=1)))
    expected = ttest_1samp(gains, 0.0).confidence_interval(0.95)

    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@given(SEEDS)
def test_seeds_that_are_all_alike_leave_the_t_test_over_examples(seed: int) -> None:
    values = np.random.default_rng(seed).normal(size=30)
    found = interval(Paired(np.full(7, values.mean()), np.tile(values, (7, 1))))
    expected = ttest_1samp(values, 0.0).confidence_interval(0.95)

    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


@given(SEEDS, st.integers(1, 3), st.booleans())
def test_order_of_seeds_and_examples_does_not_matter(seed: int, strata: int, right: bool) -> None:
    paired = crossed(seed, strata=strata, right=right)
    assert paired.values is not None
    assert paired.strata is not None
    rng = np.random.default_rng(seed)
    seeds, units = rng.permutation(6), rng.permutation(20)
    turned = replace(
        paired,
        gains=paired.gains[seeds],
        values=paired.values[np.ix_(seeds, units)],
        strata=paired.strata[units],
    )

    one, other = interval(paired), interval(turned)
    assert (one.low, one.high) == pytest.approx((other.low, other.high))


@given(SEEDS, st.integers(1, 3), st.booleans())
def test_the_other_arm_against_this_one_is_the_same_turned(
    seed: int, strata: int, right: bool
) -> None:
    paired = crossed(seed, strata=strata, right=right)
    assert paired.values is not None
    found = interval(paired)
    turned = interval(replace(paired, gains=-paired.gains, values=-paired.values))

    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))


@given(SEEDS, st.floats(0.1, 100))
def test_it_is_in_the_unit_of_the_gains(seed: int, scale: float) -> None:
    paired = crossed(seed, strata=2)
    assert paired.values is not None
    found = interval(paired)
    scaled = interval(replace(paired, gains=scale * paired.gains, values=scale * paired.values))

    assert scaled.half == pytest.approx(scale * found.half)
    assert scaled.df == pytest.approx(found.df)


@given(SEEDS)
def test_strata_add_up(seed: int) -> None:
    """Each as a score of its own would have it; and a stratum of no weight but for degrees."""
    paired = crossed(seed, strata=3)
    assert paired.values is not None
    assert paired.weights is not None
    alone = []
    for s in range(3):
        own = paired.values[:, paired.strata == s]
        alone.append(variance(Paired(own.mean(axis=1), own)))
    found = variance(paired)

    assert found.examples == pytest.approx(paired.weights**2 @ [part.examples for part in alone])
    assert found.both == pytest.approx(paired.weights**2 @ [part.both for part in alone])
    assert found.seeds == pytest.approx(paired.gains.var(ddof=1) / 6)


@given(SEEDS)
def test_degrees_lie_between_the_least_of_a_part_and_their_sum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, M = int(rng.integers(2, 8)), int(rng.integers(6, 30))
    found = variance(crossed(seed, n, M, strata=2))

    assert min(n, M // 2) - 1 <= found.df <= n - 1 + M - 2 + 1e-9


def test_pseudo_examples_are_two_columns_of_one_stratum() -> None:
    paired = crossed(0, right=True)
    assert paired.values is not None
    D = np.concatenate([paired.values, np.tile([-1.0, 1.0], (6, 1))], axis=1)
    expected = interval(Paired(D.mean(axis=1), D))

    found = interval(paired)

    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    assert found.centre == pytest.approx(paired.gains.mean() * 20 / 22)
    assert found.mean == paired.gains.mean()


def test_where_no_example_differs_the_interval_still_has_a_width() -> None:
    """Of M=100: var 2/(M+1) over M+2 units; the gain may be as large as 3 in 100 could hide."""
    found = interval(Paired(np.zeros(5), np.zeros((5, 100)), right_or_wrong=True))

    assert found.centre == 0
    assert found.df == pytest.approx(101)
    assert found.half == pytest.approx(student.ppf(0.975, 101) * math.sqrt(2 / (101 * 102)))
    assert found.half > 1 - 0.05 ** (1 / 100) - 0.005


def test_equal_strata_share_the_pseudo_examples_and_a_small_one_has_them() -> None:
    zeros, kinds = np.zeros((5, 100)), np.arange(100) % 10
    one = interval(Paired(np.zeros(5), zeros, right_or_wrong=True))
    ten = interval(Paired(np.zeros(5), zeros, kinds, np.full(10, 0.1), right_or_wrong=True))
    small = (np.arange(2014) < 14).astype(int)
    two = Paired(np.zeros(5), np.zeros((5, 2014)), small, np.full(2, 0.5), right_or_wrong=True)
    alone = interval(Paired(np.zeros(5), np.zeros((5, 14)), right_or_wrong=True))

    assert ten.half == pytest.approx(one.half, rel=0.1)
    assert interval(two).half == pytest.approx(alone.half / 2, rel=0.01)


def test_one_score_of_right_or_wrong_gets_one_of_each() -> None:
    """(x + 1)/(M + 2), of x right."""
    values = np.tile(np.arange(10) < 8, (4, 1)).astype(float)
    paired = Paired(values.mean(axis=1), values, right_or_wrong=True)
    found = interval(replace(paired, extremes=np.array([[0.0, 1.0]])))

    assert found.centre == pytest.approx(9 / 12)
    assert found.half == pytest.approx(
        student.ppf(0.975, 11) * math.sqrt(0.75 * 0.25 * 12 / 11 / 12)
    )
    perfect = Paired(np.ones(4), np.ones((4, 10)), right_or_wrong=True)
    assert interval(replace(perfect, extremes=np.array([[0.0, 1.0]]))).half > 0


def test_what_does_not_tell_its_spread_gets_no_width() -> None:
    """One seed; a stratum of one example; and numbers that never differed, or by rounding."""
    one_seed = crossed(0, n=1)
    alone = Paired(np.array([0.1, 0.2]), np.ones((2, 3)), np.array([0, 0, 1]), np.ones(2))
    same = Paired(np.full(3, 0.1), np.full((3, 4), 0.1))
    for paired in (one_seed, alone, same, Paired(np.full(3, 0.1), None)):
        found = interval(paired)
        assert math.isnan(found.half)
        assert math.isnan(found.low)
        assert math.isnan(found.high)
        assert found.mean == pytest.approx(paired.gains.mean())
    assert math.isnan(interval(Paired(np.array([0.1]), None)).half)
    unknown = np.array([[0.1, np.nan], [0.2, 0.3]])
    assert math.isnan(interval(Paired(np.array([0.1, 0.2]), unknown)).half)


@given(SEEDS)
def test_groups_have_at_most_their_number_less_one_degrees(seed: int) -> None:
    paired = crossed(seed, n=4, M=6)

    assert variance(replace(paired, clustered=True)).df == min(variance(paired).df, 5)


@given(SEEDS)
def test_a_higher_level_is_wider(seed: int) -> None:
    paired = crossed(seed)

    assert interval(paired, 0.99).half > interval(paired).half > interval(paired, 0.5).half
