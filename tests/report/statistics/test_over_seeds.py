import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from tlrun.report.statistics.over_seeds import paired_interval

GAINS = st.lists(st.floats(-1, 1), min_size=2, max_size=20)


@given(GAINS, st.floats(0.5, 0.99))
def test_it_is_scipys_interval_of_the_paired_t_test(gains: list[float], level: float) -> None:
    mean, half = paired_interval(gains, level)
    if np.ptp(gains) > 1e-9:
        expected = ttest_1samp(gains, 0.0).confidence_interval(level)
        assert (mean - half, mean + half) == pytest.approx((expected.low, expected.high), abs=1e-9)


@given(GAINS)
def test_turning_the_sign_of_every_gain_turns_the_interval(gains: list[float]) -> None:
    mean, half = paired_interval(gains)
    turned, same = paired_interval([-gain for gain in gains])

    assert (turned, same) == pytest.approx((-mean, half))


def test_one_gain_has_no_interval() -> None:
    mean, half = paired_interval([0.3])

    assert mean == 0.3
    assert math.isnan(half)


def test_the_interval_covers_the_true_gain_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = [
        abs(mean - 0.5) <= half
        for mean, half in (paired_interval(rng.normal(0.5, 1, 5).tolist()) for _ in range(2000))
    ]

    assert 0.935 < np.mean(hits) < 0.965
