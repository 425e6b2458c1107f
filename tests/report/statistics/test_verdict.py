import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tlrun.report.answer import Word
from tlrun.report.statistics.needed import Spread, seeds_needed
from tlrun.report.statistics.paired import Variance
from tlrun.report.statistics.verdict import Compared, Verdict, verdict


def of(
    mean: float,
    name: str = "scratch",
    primary: bool = True,
    differing: int | None = 50,
    v_s: float = 1.0,
    v_e: float = 0.0,
    right_or_wrong: bool = False,
) -> Compared:
    """A mean gain of variance v_s + v_e and hundreds of degrees of freedom, in points."""
    deviation = math.sqrt(v_s + v_e)

    def interval(level: float) -> tuple[float, float]:
        half = float(stats.norm.ppf((1 + level) / 2)) * deviation
        return mean - half, mean + half

    spread = Spread(Variance(mean, v_s + v_e, 900.0, v_s, v_e, 0.0), 10, 541, right_or_wrong)
    return Compared(name, primary, interval, mean, differing, spread)


def judged(
    compared: Sequence[Compared],
    n: int = 10,
    alpha: float = 0.05,
    arms: int = 1,
    delta: float | None = 3.0,
    rarest: int | None = 50,
    groups: int | None = None,
) -> Verdict:
    return verdict(
        compared,
        n=n,
        alpha=alpha,
        arms=arms,
        delta=delta,
        rarest=rarest,
        groups=groups,
        written="{:.1f} points".format,
    )


@pytest.mark.parametrize(
    ("gains", "word"),
    [
        ([2.0], "HELPS"),
        ([1.9], "UNCLEAR"),  # 1.96 standard errors are needed
        ([-2.0], "HURTS"),
        ([-1.9], "UNCLEAR"),
        ([1.03], "SAME"),
        ([-1.03], "SAME"),
        ([1.05], "UNCLEAR"),
        ([2.0, 2.0, 2.0], "HELPS"),  # at full α against each
        ([9.0, -2.0], "UNCLEAR"),  # 2.24 where two may hurt
        ([9.0, -2.3], "HURTS"),
        ([9.0, 0.0], "UNCLEAR"),
        ([0.0, 1.0], "SAME"),
        ([0.0, -2.3], "HURTS"),
        ([-9.0, -9.0], "HURTS"),
    ],
)
def test_the_words(gains: list[float], word: Word) -> None:
    assert judged([of(gain, f"c{i}") for i, gain in enumerate(gains)]).word == word


def test_arms_share_alpha() -> None:
    """2.64 standard errors of six arms."""
    assert judged([of(2.6)], arms=6).word == "UNCLEAR"
    assert judged([of(2.7)], arms=6).word == "HELPS"


def test_a_control_that_is_not_primary_decides_nothing() -> None:
    told = judged([of(2.5), of(-9.0, "joint", primary=False)])

    assert told.word == "HELPS"
    assert told.largest == pytest.approx(2.5 + 1.96, abs=0.001)
    assert judged([of(2.0, primary=False)]).word == ""


def test_the_sentences() -> None:
    one, two, three = (of(5.0, "scratch"), of(4.0, "joint"), of(0.0, "the source model untouched"))

    assert judged([one]).why == "better than scratch, by an interval above 0"
    assert judged([one, two]).why == "better than scratch and joint, each by an interval above 0"
    assert judged([of(2.1)], delta=5.0).why.endswith(", though by less than 5.0 points")
    worse = judged([one, of(-4.0, "joint"), of(-6.0, "the source model untouched")])
    assert worse.control == "the source model untouched"
    assert worse.why == ("joint and the source model untouched are better, though scratch is worse")
    assert judged([of(-5.0)]).why == "scratch is better"
    assert judged([three]).why == (
        "within 3.0 points of the source model untouched; the largest difference not excluded is "
        "2.0 points"
    )
    unclear = judged([one, two, three, of(-2.2, "ridge")], delta=None)
    assert unclear.why == (
        "better than scratch and joint, not told apart from the source model untouched, perhaps "
        "worse than ridge; the largest difference not excluded is 2.0 points"
    )
    assert unclear.seeds is None


def test_unclear_tells_how_many_seeds_would_decide() -> None:
    """v_s = 1 of ten seeds is 10 a seed; a half-width of 1 takes 1.96² · 10 and a few."""
    told = judged([of(1.0)], delta=2.0)

    assert told.word == "UNCLEAR"
    assert told.seeds == 41
    assert told.examples is None
    assert told.why.endswith("; about 41 seeds would decide")
    for seeds, decided in ((41, True), (40, False)):
        assert (stats.t.ppf(0.975, seeds - 1) * math.sqrt(10 / seeds) <= 1.0) == decided


def test_unclear_tells_that_the_test_set_is_too_small() -> None:
    """v_e = 1 of 541: a half-width of 1 takes 1.96² times as many and a few."""
    told = judged([of(1.0, v_s=0.5, v_e=1.0)], delta=2.0)

    assert told.seeds is None
    assert told.examples == pytest.approx(541 * 1.96**2, rel=0.002)
    assert told.why.endswith(
        f"; no number of seeds would decide, it takes at least {told.examples:,} test examples"
    )


@given(st.floats(-1.9, 1.9), st.floats(-1.9, 1.9), st.floats(0.01, 0.5))
def test_what_would_decide_does_not_depend_on_the_gains(
    one: float, other: float, v_e: float
) -> None:
    told = judged([of(one, v_e=v_e), of(other, "joint")], delta=1.6)
    again = judged([of(0.0, v_e=v_e), of(0.0, "joint")], delta=1.6)

    assert told.word == again.word == "UNCLEAR"
    assert (told.seeds, told.examples) == (again.seeds, again.examples)


@given(st.floats(-20, 20), st.floats(0.2, 3.0), st.floats(0.0, 0.01))
def test_with_the_seeds_needed_every_gain_has_a_word(gain: float, delta: float, v_e: float) -> None:
    spread = of(0.0, v_e=v_e).spread
    assert spread is not None
    seeds = seeds_needed(spread, delta / 2, 0.05)
    if seeds is None:
        return
    known = replace(of(gain), interval=lambda level: (gain - delta / 2, gain + delta / 2))

    assert judged([known], n=seeds, delta=delta).word != "UNCLEAR" or abs(gain) == delta / 2


@pytest.mark.parametrize(
    ("told", "fragment", "more_seeds"),
    [
        (judged([of(9.0)], n=4), "4 seeds", True),
        (judged([of(9.0)], n=1), "1 seed,", True),
        (judged([of(9.0)], rarest=9), "9 test examples of the rarest class", False),
        (judged([of(9.0, differing=9)]), "differs from scratch on 9 of the test examples", True),
        (judged([of(9.0)], groups=5), "5 groups", False),
        (
            judged([of(9.0)], groups=7, arms=6),
            "7 groups of test examples, and a word takes 8",
            False,
        ),
        (judged([]), "no control", False),
        (judged([of(math.nan)]), "undefined", False),
        (judged([of(9.0), of(math.nan, "joint")]), "undefined", False),
    ],
)
def test_where_there_is_no_word(told: Verdict, fragment: str, more_seeds: bool) -> None:
    assert told.word == ""
    assert fragment in told.why
    assert told.more_seeds == more_seeds
    assert told.largest is None


def test_at_the_edges_there_is_a_word() -> None:
    least = judged([of(9.0, differing=10)], n=5, rarest=10, groups=6, arms=5)

    assert least.word == "HELPS"
    assert judged([of(9.0, differing=None)], rarest=None, groups=8, arms=6).word == "HELPS"


def test_a_control_that_hardly_differs_shows_nothing_but_hides_no_harm() -> None:
    alike = of(0.0, "the source model untouched", differing=3)

    assert judged([of(9.0), alike]).word == ""
    assert judged([of(0.0), alike]).word == ""
    hurt = judged([of(-9.0), alike])
    assert (hurt.word, hurt.control) == ("HURTS", "scratch")
    assert judged([of(9.0), replace(alike, interval=lambda level: (-9.0, -8.0))]).word == ""
    assert judged([of(-2.1), alike]).word == ""  # two controls share α still


def test_gains_that_never_differ_are_not_sure() -> None:
    never = replace(of(0.0, differing=None), interval=lambda level: (math.nan, math.nan))

    told = judged([never])
    assert told.word == ""
    assert told.why == "no word: how sure the gain over scratch is cannot be told"
    assert told.more_seeds
    assert judged([of(-9.0, "joint"), never]).control == "joint"
    assert judged([of(9.0, "joint"), never]).word == ""


def test_few_right_or_wrong_examples_are_not_the_same() -> None:
    """541 examples bound a difference by 1 - .025^(1/541) = .0068 at best."""
    small = of(0.0, v_s=1e-7, right_or_wrong=True)

    assert judged([small], delta=0.007).word == "SAME"
    assert judged([small], delta=0.0065).word == "UNCLEAR"
    assert judged([replace(small, spread=None)], delta=0.0065).word == "SAME"


GAINS = st.lists(st.floats(-6, 6), min_size=1, max_size=4)


@given(GAINS, st.floats(-6, 6))
def test_one_more_control_can_only_lose_helps(gains: list[float], other: float) -> None:
    before = judged([of(gain, f"c{i}") for i, gain in enumerate(gains)])
    after = judged([of(gain, f"c{i}") for i, gain in enumerate([*gains, other])])

    assert before.word == "HELPS" or after.word != "HELPS"
    assert before.word != "SAME" or after.word != "HELPS"


@given(GAINS, st.floats(0.001, 0.05), st.floats(0.05, 0.2), st.integers(1, 8))
def test_a_lower_alpha_or_more_arms_gives_no_word_of_difference(
    gains: list[float], low: float, high: float, arms: int
) -> None:
    compared = [of(gain, f"c{i}") for i, gain in enumerate(gains)]
    strict, loose = judged(compared, alpha=low, arms=arms), judged(compared, alpha=high)

    for word in ("HELPS", "HURTS"):
        assert strict.word != word or loose.word == word


@given(GAINS)
def test_the_order_of_the_controls_decides_nothing(gains: list[float]) -> None:
    compared = [of(gain, f"c{i}") for i, gain in enumerate(gains)]
    one, other = judged(compared), judged(compared[::-1])

    assert (one.word, one.largest, one.seeds) == (other.word, other.largest, other.seeds)
    assert one.control == other.control or one.word != "HURTS" or len(set(gains)) < len(gains)
