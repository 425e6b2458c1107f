import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tlrun.report.statistics.needed import (
    Spread,
    examples_needed,
    fewest_examples,
    half_width,
    predicted,
    seeds_needed,
)
from tlrun.report.statistics.paired import Variance


def spread(
    v_s: float,
    v_e: float,
    v_r: float = 0.0,
    seeds: int = 10,
    units: int | None = 541,
    right_or_wrong: bool = False,
    clustered: bool = False,
) -> Spread:
    total = max(v_s + v_e - v_r, v_s, v_e)
    return Spread(
        Variance(0.0, total, math.nan, v_s, v_e, v_r), seeds, units, right_or_wrong, clustered
    )


PARTS = st.floats(0, 1)


@given(PARTS, PARTS, PARTS, st.integers(2, 50), st.integers(2, 999))
def test_of_todays_seeds_and_examples_the_prediction_is_todays_variance(
    v_s: float, v_e: float, v_r: float, seeds: int, units: int
) -> None:
    known = spread(v_s, v_e, v_r, seeds, units)

    v, df = predicted(known, seeds, units)
    assert v == pytest.approx(known.variance.total, abs=1e-12)
    assert df >= min(seeds, units) - 1


def test_the_parts_of_a_crossed_design_shrink_as_they_should() -> None:
    """σ_a² = 4, σ_b² = 9, σ_e² = 6, over any n' and M': 4/n' + 9/M' + 6/n'M'."""

    def parts(n: int, m: int) -> tuple[float, float, float]:
        return 4 / n + 6 / (n * m), 9 / m + 6 / (n * m), 6 / (n * m)

    known = spread(*parts(10, 50), seeds=10, units=50)
    for n, m in ((10, 50), (40, 50), (10, 500), (20, 100), (5, 25)):
        v, df = predicted(known, n, m)
        v_s, v_e, _ = parts(n, m)
        assert v == pytest.approx(4 / n + 9 / m + 6 / (n * m))
        assert df == pytest.approx(v**2 / (v_s**2 / (n - 1) + v_e**2 / (m - 1)))
    assert predicted(known, math.inf, 50)[0] == pytest.approx(9 / 50)


def test_the_degrees_of_freedom_of_a_small_stratum_stay_small() -> None:
    """AUC of 12 positives and 529 negatives: today's df is Satterthwaite's over both."""
    v_s, a, b = 0.5, 1.5, 0.1
    v = v_s + a + b
    df = v**2 / (v_s**2 / 9 + a**2 / 11 + b**2 / 528)
    known = Spread(Variance(0.0, v, df, v_s, a + b, 0.0), 10, 541)

    assert predicted(known, 10, 541) == pytest.approx((v, df))
    assert predicted(known, 10**6, 541)[1] == pytest.approx(
        (a + b) ** 2 / (a**2 / 11 + b**2 / 528), rel=1e-3
    )
    assert seeds_needed(known, 1.0, 0.05) is None
    assert seeds_needed(known, 3.0, 0.05) is not None


def test_of_an_unknown_variance_nothing_is_known() -> None:
    unknown = spread(1.0, math.nan, math.nan)

    assert seeds_needed(unknown, 1.0, 0.05) is None
    assert examples_needed(unknown, 1.0, 0.05) is None


def test_pseudo_examples_do_not_grow_with_the_test_set() -> None:
    """Two columns of ±1 beside M of 0: their variance, as numpy has it, at M and at M'."""

    def v_e(m: int) -> float:
        return float(np.var([*[0.0] * m, 1.0, -1.0], ddof=1)) / (m + 2)

    known = spread(0.0, v_e(50), units=50, right_or_wrong=True)
    assert predicted(known, 10, 500)[0] == pytest.approx(v_e(500))
    assert predicted(spread(0.0, v_e(50), units=50), 10, 500)[0] == pytest.approx(v_e(50) / 10)


def test_of_seeds_alone_it_is_the_t_interval() -> None:
    known = spread(0.02**2 / 10, 0.0, seeds=10, units=None)
    half = stats.t.ppf(0.975, 39) * 0.02 / math.sqrt(40)

    assert half_width(known, 0.05, 40) == pytest.approx(half, rel=1e-12)


def test_few_groups_are_few_however_many_seeds() -> None:
    known = spread(0.0001, 0.0004, units=6, clustered=True)

    assert predicted(known, 1000, 6)[1] == 5
    assert half_width(known, 0.05, math.inf) == pytest.approx(stats.t.ppf(0.975, 5) * 0.02)


@given(st.floats(1e-6, 1), st.floats(1e-9, 1), st.floats(0.05, 0.9), st.floats(0.001, 0.2))
def test_the_seeds_needed_are_the_fewest(
    v_s: float, v_e: float, share: float, alpha: float
) -> None:
    known = spread(v_s, v_e)
    half = half_width(known, alpha, math.inf) / share

    needed = seeds_needed(known, half, alpha)
    assert needed is not None
    assert half_width(known, alpha, needed) <= half
    assert needed == 2 or half_width(known, alpha, needed - 1) > half


def test_where_the_test_set_is_the_floor_no_seeds_will_do_but_examples() -> None:
    """A column variance c of .0256 over 541: δ/2 = .005 takes 1.96² · c / .005² examples."""
    c = 0.0256
    known = spread(0.019**2 / 10, c / 541)

    assert seeds_needed(known, 0.005, 0.05) is None
    examples = examples_needed(known, 0.005, 0.05)
    assert examples == pytest.approx(stats.norm.ppf(0.975) ** 2 * c / 0.005**2, rel=0.002)
    assert examples is not None
    assert half_width(known, 0.05, math.inf, examples) <= 0.005
    assert half_width(known, 0.05, math.inf, examples - 1) > 0.005


def test_seeds_with_examples_of_their_own_need_no_other() -> None:
    assert examples_needed(spread(1.0, 0.0, units=None), 0.1, 0.05) is None


@given(PARTS, PARTS, PARTS)
def test_what_is_needed_does_not_depend_on_the_gain(v_s: float, v_e: float, gain: float) -> None:
    known = spread(v_s, v_e)
    moved = replace(known, variance=replace(known.variance, centre=gain))

    assert seeds_needed(known, 0.3, 0.05) == seeds_needed(moved, 0.3, 0.05)
    assert examples_needed(known, 0.3, 0.05) == examples_needed(moved, 0.3, 0.05)


@pytest.mark.parametrize(
    ("delta", "arms", "fewest"), [(0.01, 1, 368), (0.01, 6, 546), (0.02, 1, 183), (0.5, 1, 6)]
)
def test_the_fewest_examples_for_same(delta: float, arms: int, fewest: int) -> None:
    """By hand at .01: ln .025 / ln .99 = 3.6889 / .010050 = 367.04, so 368."""
    assert fewest_examples(delta, 0.05, arms) == fewest
    assert (1 - delta) ** fewest <= 0.05 / (2 * arms) < (1 - delta) ** (fewest - 1)
