import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tlrun.report.statistics.holm import holm, p_value, signs
from tlrun.report.statistics.over_seeds import paired_interval

PS = st.lists(st.floats(0, 1), max_size=12)


def test_holm_by_hand() -> None:
    """4 · .01; 3 · .02; 2 · .04 = .08, and .5 as it is."""
    assert holm([0.04, 0.01, 0.5, 0.02]) == pytest.approx([0.08, 0.04, 0.5, 0.06])
    assert holm([0.03, 0.02]) == pytest.approx([0.04, 0.04])  # .03 may not fall below .02's
    assert holm([0.7, 0.6]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([0.2]) == [0.2]


@given(PS)
def test_holm_is_no_less_than_the_p_and_no_more_than_bonferroni(ps: list[float]) -> None:
    adjusted = holm(ps)

    for p, new in zip(ps, adjusted, strict=True):
        assert p <= new <= min(1.0, len(ps) * p)
    for p, new in zip(ps, adjusted, strict=True):
        assert all(other >= new for q, other in zip(ps, adjusted, strict=True) if q >= p)


@given(PS, st.randoms())
def test_holm_keeps_the_order_that_it_is_given(ps: list[float], random: Random) -> None:
    places = list(range(len(ps)))
    random.shuffle(places)
    shuffled = holm([ps[place] for place in places])

    assert shuffled == [holm(ps)[place] for place in places]


@given(PS, st.floats(0.001, 0.2))
def test_holm_rejects_what_its_steps_reject(ps: list[float], alpha: float) -> None:
    """The procedure as Holm words it: from the lowest on, until p > α/(K-j+1) stops it."""
    rejected = 0
    for j, p in enumerate(sorted(ps)):
        if (len(ps) - j) * p > alpha:
            break
        rejected += 1

    assert sum(p <= alpha for p in holm(ps)) == rejected


def test_the_p_of_gains_is_that_of_scipys_paired_t_test() -> None:
    gains = [0.3, -0.1, 0.25, 0.4, 0.05, 0.2]
    v = stats.sem(gains) ** 2
    there = stats.ttest_1samp(gains, 0.0)

    mean, _ = paired_interval(gains)
    assert p_value(mean, v, 5) == pytest.approx(there.pvalue, rel=1e-12)
    assert p_value(-mean, v, 5) == p_value(mean, v, 5)


@given(st.floats(0.1, 5), st.floats(0.01, 9), st.floats(1, 1000), st.floats(0.001, 0.3))
def test_p_is_below_alpha_where_the_interval_leaves_zero_out(
    mean: float, v: float, df: float, alpha: float
) -> None:
    half = stats.t.ppf(1 - alpha / 2, df) * math.sqrt(v)
    if abs(mean - half) > 1e-9:
        assert (p_value(mean, v, df) < alpha) == (mean > half)


def test_p_without_variance() -> None:
    assert p_value(0.1, 0.0, 9) == 0.0
    assert p_value(0.0, 0.0, 9) == 1.0
    assert p_value(0.0, 1.0, 9) == 1.0
    assert math.isnan(p_value(math.nan, 1.0, 9))


def test_no_gain_is_not_up() -> None:
    assert signs([0.1, 0.0, -0.2, 3.0, -0.0]) == 2
