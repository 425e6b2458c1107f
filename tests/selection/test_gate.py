"""The exact test is the binomial one, and its power what a simulation finds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from tlrun.selection.gate import LEVEL, gate, p_value, power


@pytest.mark.parametrize(("better", "differing"), [(0, 0), (1, 1), (4, 4), (5, 6), (9, 12), (3, 9)])
def test_p_is_that_of_scipy(better: int, differing: int) -> None:
    expected = 1.0
    if differing:
        expected = binomtest(better, differing, 0.5, alternative="greater").pvalue
    assert p_value(better, differing) == pytest.approx(expected)


def test_equal_arms_open_no_gate() -> None:
    right = np.arange(30) % 3 > 0

    found = gate(right, right)

    assert (found.differing, found.better, found.p, found.opens) == (0, 0, 1.0, False)


def test_a_clear_win_opens_it_and_a_clear_loss_does_not() -> None:
    ours, theirs = np.arange(40) < 30, np.arange(40) < 10

    assert gate(ours, theirs).opens
    assert not gate(theirs, ours).opens


@pytest.mark.parametrize(("rows", "rate"), [(20, 0.2), (50, 0.3), (50, 0.1), (200, 0.25)])
def test_the_power_is_what_a_simulation_finds(rows: int, rate: float) -> None:
    rng = np.random.default_rng(0)
    wins = (rate + 0.1) / 2
    drawn = rng.multinomial(rows, [wins, rate - wins, 1 - rate], size=4000)
    passed = [p_value(int(b), int(b + c)) <= LEVEL for b, c, _ in drawn]

    assert power(rows, rate) == pytest.approx(np.mean(passed), abs=0.03)


def test_with_nothing_to_gain_it_opens_as_rarely_as_it_says() -> None:
    assert power(100, 0.3, gain=0.0) <= LEVEL
