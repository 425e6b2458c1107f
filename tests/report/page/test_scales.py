import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tlrun.report.answer import Figure
from tlrun.report.page.scales import Scale, finite, reach, tick_texts, ticks

numbers = st.floats(-1e9, 1e9)


@given(numbers, numbers, st.integers(2, 16))
def test_ticks_cover_what_they_are_of_at_even_round_steps(a: float, b: float, about: int) -> None:
    low, high = sorted((a, b))

    places = ticks(low, high, about)

    step = (places[-1] - places[0]) / (len(places) - 1)
    slack = 1e-6 * step
    assert places[0] <= low + slack
    assert places[-1] >= high - slack
    assert all(
        math.isclose(after - before, step, rel_tol=1e-3) for before, after in pairwise(places)
    )
    leading = step / 10 ** math.floor(math.log10(step) + 1e-6)
    assert min(abs(leading - r) for r in (1, 2, 5)) < 1e-3
    assert 2 <= len(places) <= about + 3


@given(numbers)
def test_a_single_value_still_has_a_scale(value: float) -> None:
    places = ticks(value, value)

    assert places[0] <= value <= places[-1]
    assert places[0] < places[-1]


def test_ticks_of_percentages_are_the_ones_that_a_person_would_choose() -> None:
    assert ticks(36.2, 53.1) == (35, 40, 45, 50, 55)
    assert ticks(0, 1) == (0, 0.2, 0.4, 0.6, 0.8, 1.0)
    assert ticks(-3, 4, 4) == (-4, -2, 0, 2, 4)


@given(numbers, numbers)
def test_no_two_ticks_are_written_alike(a: float, b: float) -> None:
    low, high = sorted((a, b))
    if high - low < 1e-4 * max(abs(low), abs(high), 1e-9):
        return

    texts = tick_texts(ticks(low, high))

    assert len(set(texts)) == len(texts)
    assert not any("-" in text.removeprefix("−") and "e-" not in text for text in texts)


def test_ticks_are_written_with_the_decimals_of_their_step_and_a_true_minus() -> None:
    assert tick_texts((-0.5, 0.0, 0.5)) == ("−0.5", "0.0", "0.5")
    assert tick_texts((0.0, 500.0, 1000.0)) == ("0", "500", "1,000")
    assert tick_texts((-0.0, 1.0)) == ("0", "1")


@given(numbers, numbers, numbers, numbers)
def test_a_scale_is_monotone_and_meets_its_ends(a: float, b: float, c: float, d: float) -> None:
    low, high = sorted((a, b))
    if high - low < 1e-3:
        return
    scale = Scale(low, high, 10, 400)
    one, other = sorted((c, d))

    assert scale.at(one) <= scale.at(other)
    assert math.isclose(scale.at(low), 10)
    assert math.isclose(scale.at(high), 400)


def test_what_cannot_be_drawn_is_left_out() -> None:
    assert finite([1.0, None, math.nan, math.inf, 2.0]) == [1.0, 2.0]
    assert reach(
        [Figure("–"), Figure("1 ± –", 1.0, math.nan, None), Figure("2", 2.0, 1.5, 2.5)]
    ) == [
        1.0,
        2.0,
        1.5,
        2.5,
    ]
