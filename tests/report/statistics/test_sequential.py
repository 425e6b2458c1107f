import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tlrun.report.statistics.needed import Spread
from tlrun.report.statistics.paired import Variance
from tlrun.report.statistics.sequential import (
    REACH,
    Decision,
    alpha_at,
    decision,
    futile,
)
from tlrun.report.statistics.verdict import Compared, Verdict
from tlrun.store.studydir import LOOKS

UNCLEAR = Verdict("UNCLEAR")


def of(gain: float, n: int, seed_sd: float = 1.0, v_e: float = 0.0, name: str = "c") -> Compared:
    """A gain over n seeds that vary by `seed_sd` each, on a test set of 541 that adds v_e."""
    v_s = seed_sd**2 / n
    spread = Spread(Variance(gain, v_s + v_e, math.nan, v_s, v_e, 0.0), n, 541)
    return Compared(name, True, lambda level: (math.nan, math.nan), gain, spread=spread)


def test_the_looks_spend_alpha_in_all() -> None:
    assert [alpha_at(look, 0.05) for look in LOOKS] == [0.00625, 0.00625, 0.0125, 0.025]
    assert sum(alpha_at(look, 0.05) for look in LOOKS) == pytest.approx(0.05)
    with pytest.raises(ValueError, match="after 7 seeds"):
        alpha_at(7, 0.05)


def decide(
    found: Verdict, gain: float, look: int, v_e: float = 0.0, delta: float | None = None
) -> str:
    made = decision(found, [of(gain, look, v_e=v_e)], look=look, alpha=0.05, arms=1, delta=delta)
    return made.what


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("word", ["HELPS", "HURTS", "SAME"])
def test_a_word_stops_an_arm(look: int, word: str) -> None:
    found = replace(UNCLEAR, word=word)  # type: ignore[arg-type]

    assert decide(found, 0.0, look) == "stop: decided"


def test_an_arm_without_a_word_goes_on_while_one_is_in_reach() -> None:
    assert decide(UNCLEAR, 0.0, 5) == "go on"  # five seeds never give up
    assert decide(UNCLEAR, 0.0, 10) == "stop: futile"  # 1.28·√(.1·.75) = .351, and .369 it takes
    assert decide(UNCLEAR, 0.02, 10) == "go on"
    assert decide(UNCLEAR, 0.0, 20) == "stop: futile"
    assert decide(UNCLEAR, 0.3, 20) == "go on"
    assert decide(UNCLEAR, -0.3, 20) == "go on"
    assert decide(UNCLEAR, 9.0, 40) == "stop: last look"


def test_the_edge_of_futility_by_hand() -> None:
    """n=20, no test error: half-width t_{.9875, 39}/√40, reach 1.28·√((1/20)(1/2))."""
    edge = stats.t.ppf(0.9875, 39) / math.sqrt(40) - REACH * math.sqrt(0.05 * 0.5)

    assert futile([of(edge * 0.999, 20)], 0.05, 1, None)
    assert not futile([of(edge * 1.001, 20)], 0.05, 1, None)
    assert not futile([of(-edge * 1.001, 20)], 0.05, 1, None)


def test_the_test_set_makes_more_studies_futile() -> None:
    assert not futile([of(0.2, 20)], 0.05, 1, None)
    assert futile([of(0.2, 20, v_e=0.13)], 0.05, 1, None)


def test_it_is_not_futile_while_same_is_in_reach() -> None:
    """At 40 seeds the half-width is .369: inside ±.4 is in reach of 0, inside ±.3 is not."""
    assert not futile([of(0.0, 20)], 0.05, 1, 0.4)
    assert futile([of(0.0, 20)], 0.05, 1, 0.3)


def test_same_is_out_of_reach_of_a_test_set_too_small_for_it() -> None:
    """ln .0125 / ln(1-δ) is 2188 at δ=.002, and 541 is less."""
    one = of(0.0, 20, seed_sd=0.001)
    assert one.spread is not None
    counted = replace(one, spread=replace(one.spread, right_or_wrong=True, units=2200))
    fewer = replace(one, spread=replace(one.spread, right_or_wrong=True, units=2100))

    assert not futile([counted], 0.05, 1, 0.002)
    assert futile([fewer], 0.05, 1, 0.002)


def test_of_several_controls_one_can_put_helps_out_of_reach() -> None:
    big, none = of(5.0, 20), of(0.0, 20, name="d")

    assert not futile([big], 0.05, 1, None)
    assert futile([big, none], 0.05, 1, None)
    assert not futile([big, of(-0.5, 20, name="d")], 0.05, 1, None)  # HURTS is in reach
    assert not futile([big, replace(none, primary=False)], 0.05, 1, None)


def test_arms_that_never_differ_do_not_run_on() -> None:
    assert futile([of(0.0, 20, seed_sd=0.0)], 0.05, 1, 0.4)
    assert not futile([of(5.0, 20), of(-5.0, 20, name="d")], 0.05, 1, None)


def test_without_knowing_the_variance_it_goes_on() -> None:
    assert not futile([replace(of(0.0, 20), spread=None)], 0.05, 1, None)
    assert not futile([], 0.05, 1, None)


def test_what_more_seeds_cannot_change_stops_at_once() -> None:
    gone = Verdict("", why="no word", more_seeds=False)

    assert decide(gone, 0.0, 5) == "stop: futile"
    assert decide(Verdict("", more_seeds=True), 9.0, 5) == "go on"


def test_chances_of_reaching_are_a_tenth() -> None:
    """Of means at 40 seeds a tenth lies more than 1.28·√(v_s(1-20/40)) above that at 20."""
    rng = np.random.default_rng(0)
    seeds = rng.normal(size=(40_000, 40))
    now, last = seeds[:, :20].mean(axis=1), seeds.mean(axis=1)
    reach = REACH * math.sqrt(1 / 20 * 0.5)

    assert np.mean(last > now + reach) == pytest.approx(0.1, abs=0.006)


def test_a_decision_tells_why() -> None:
    made = decision(UNCLEAR, [of(0.0, 20)], look=20, alpha=0.05, arms=1, delta=None)

    assert made == Decision("stop: futile", "40 seeds would hardly give it a word")
