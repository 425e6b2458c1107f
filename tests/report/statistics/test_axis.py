import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.report.statistics.axis import chosen, shape

ABOVE, BELOW, AROUND, NEAR = (0.1, 0.4), (-0.4, -0.1), (-0.2, 0.2), (-0.005, 0.004)


def test_a_seeds_own_loss_does_not_choose_for_it() -> None:
    """By all three λ=1 has the lower mean; without seed 2, whose luck that is, λ=10 has."""
    losses = {1.0: {0: 1.0, 1: 1.0, 2: 0.0}, 10.0: {0: 0.9, 1: 0.9, 2: 0.9}}

    assert chosen(losses) == {0: 1.0, 1: 1.0, 2: 10.0}


LOSSES = st.lists(st.lists(st.floats(0, 9), min_size=4, max_size=4), min_size=1, max_size=4).map(
    lambda rows: {float(lam + 1): dict(enumerate(row)) for lam, row in enumerate(rows)}
)


@given(LOSSES, st.integers(0, 3), st.floats(0, 9))
def test_the_choice_for_a_seed_is_a_function_of_the_others(
    losses: dict[float, dict[int, float]], seed: int, other: float
) -> None:
    before = chosen(losses)
    lam = min(losses)
    changed = {**losses, lam: {**losses[lam], seed: other}}
    after = chosen(changed)

    assert before is not None
    assert after is not None
    assert after[seed] == before[seed]


@given(LOSSES)
def test_the_order_of_the_axis_chooses_nothing(losses: dict[float, dict[int, float]]) -> None:
    assert chosen(dict(reversed(losses.items()))) == chosen(losses)


def test_two_seeds_are_too_few_to_choose_by() -> None:
    assert chosen({1.0: {0: 1.0, 1: 2.0}}) is None
    assert chosen({1.0: {0: 1.0, 1: 2.0, 2: 3.0}}) == {0: 1.0, 1: 1.0, 2: 1.0}
    assert chosen({}) is None


def test_a_diverged_run_is_not_chosen() -> None:
    losses = {1.0: {0: math.nan, 1: 0.1, 2: 0.1}, 10.0: {0: 5.0, 1: 5.0, 2: 5.0}}

    assert chosen(losses) == {0: 1.0, 1: 10.0, 2: 10.0}  # seed 0's own loss is not its concern
    assert chosen({1.0: {0: math.inf, 1: math.nan, 2: 0.1}}) is None


@pytest.mark.parametrize(
    ("over_zero", "over_infinity", "inner", "word"),
    [
        (ABOVE, ABOVE, [ABOVE], "INNER PEAK"),
        ((0.001, 0.004), (0.001, 0.004), [NEAR], "INNER PEAK"),
        (ABOVE, AROUND, [AROUND], "no inner peak shown"),
        (AROUND, ABOVE, [ABOVE], "no inner peak shown"),
        (AROUND, AROUND, [AROUND], "no inner peak shown"),
        (ABOVE, NEAR, [NEAR, NEAR], "FLAT"),
        (ABOVE, NEAR, [NEAR, AROUND], "no inner peak shown"),
        (BELOW, NEAR, [NEAR], "λ=0 is better"),
        (BELOW, ABOVE, [ABOVE], "λ=0 is better"),
        (ABOVE, BELOW, [BELOW], "λ=∞ is better"),
        (ABOVE, (-0.005, -0.001), [NEAR], "FLAT"),
    ],
)
def test_the_shape_of_an_axis(
    over_zero: tuple[float, float],
    over_infinity: tuple[float, float],
    inner: list[tuple[float, float]],
    word: str,
) -> None:
    found = shape(over_zero, over_infinity, inner, 5, 0.01, "1 point")

    assert found.word == word
    assert found.why
    assert ("1 point" in found.why) == (word == "FLAT")


def test_no_word_on_few_seeds_and_no_flat_without_a_smallest_difference() -> None:
    assert shape(ABOVE, ABOVE, [ABOVE], 4, 0.01).word == ""
    assert shape(ABOVE, NEAR, [NEAR], 5).word == "no inner peak shown"
    assert shape(ABOVE, (math.nan, math.nan), [NEAR], 5, 0.01).word == ""


def test_what_is_better_is_named() -> None:
    assert "and so is λ=∞" in shape(BELOW, BELOW, [], 5).why
    told = shape(ABOVE, AROUND, [], 5).why
    assert told == "λ* is better than λ=0, and not told apart from λ=∞"
    assert shape(AROUND, ABOVE, [], 5).why == "λ* is better than λ=∞, and not told apart from λ=0"
