"""The stack of a task: limits, the rows it may not see, ties, and numbers."""

from __future__ import annotations

import numpy as np
import pytest

from tlrun.core.task import Task
from tlrun.selection.held_out import HeldOut
from tlrun.selection.stack import LEAST, LEAST_POOLED, alone, best_single, cross_fitted, fit
from tlrun.selection.stacking import log_chances

THREE = Task("t", "multiclass", ("a", "b", "c"))
TWO = Task("t", "binary", ("no", "yes"))
NUMBER = Task("t", "regression")


def held(n: int = 60, skill: tuple[float, ...] = (1.0, 1.0, 3.0), seed: int = 0) -> HeldOut:
    """Three arms on three classes; `skill`: how much of the label is in each one's logits."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    outputs = tuple(
        rng.normal(size=(n, 3)) + much * (labels[:, None] == np.arange(3)) for much in skill
    )
    return HeldOut(outputs, labels, np.arange(n), np.arange(n) % 5)


def test_all_that_is_not_scratch_has_the_same_weight_and_most_where_it_is_better() -> None:
    stack = fit(THREE, held(300, (0.0, 3.0, 6.0)), safe=0)

    assert stack.weights.sum() == pytest.approx(1)
    assert stack.weights[1] == stack.weights[2] > 0.4


def test_where_the_others_know_nothing_scratch_answers_alone() -> None:
    stack = fit(THREE, held(300, (3.0, 0.0, 0.0)), safe=0)

    assert stack.weights.tolist() == [1, 0, 0]


def test_an_arm_that_says_the_same_of_every_row_is_left_out() -> None:
    rows = held(200, (0.0, 5.0, 0.0))
    constant = np.tile([1.0, 0.0, -1.0], (200, 1)) + rows.fold[:, None] * 0.1  # a model a part
    with_it = HeldOut((*rows.outputs[:2], constant), rows.labels, rows.index, rows.fold)

    stack = fit(THREE, with_it, safe=0)

    assert stack.weights[2] == 0
    assert stack.weights[1] > 0.5


def test_scratch_without_others_is_scratch() -> None:
    rows = held()
    lone = HeldOut(rows.outputs[:1], rows.labels, rows.index, rows.fold)

    assert fit(THREE, lone, safe=0).weights.tolist() == [1]


def test_copies_of_scratch_answer_as_scratch() -> None:
    rows = held(skill=(1.0, 1.0, 1.0))
    same = HeldOut((rows.outputs[0],) * 3, rows.labels, rows.index, rows.fold)

    stack = fit(THREE, same, safe=0)

    said = stack.outputs(THREE, same.outputs)
    expected = log_chances(same.outputs[0], stack.temperatures[0])
    assert said == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(20))
def test_arms_of_next_to_no_weight_are_left_out(seed: int) -> None:
    stack = fit(THREE, held(30, (1.0, 1.0, 1.0), seed), safe=2)

    others = stack.weights[:2].sum()
    assert others == 0 or others >= LEAST_POOLED
    assert stack.used.tolist()[0] in (2, 0)


def test_chances_are_the_weighted_mean_of_chances() -> None:
    rows = held()
    stack = fit(THREE, rows, 0)

    said = np.exp(log_chances(stack.outputs(THREE, rows.outputs)))

    each = [
        w * np.exp(log_chances(out, t))
        for w, t, out in zip(stack.weights, stack.temperatures, rows.outputs, strict=True)
    ]
    assert said == pytest.approx(sum(each))


def test_two_classes_have_one_logit_again() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 40)
    outputs = tuple(rng.normal(size=(40, 1)) + labels[:, None] for _ in range(3))
    rows = HeldOut(outputs, labels, np.arange(40), np.arange(40) % 5)

    said = fit(TWO, rows, 0).outputs(TWO, outputs)

    assert said.shape == (40, 1)
    assert np.isfinite(said).all()


def test_one_arm_alone_says_what_it_says() -> None:
    rows = held()

    said = alone(3, 1).outputs(THREE, rows.outputs)

    assert said == pytest.approx(log_chances(rows.outputs[1]))


def test_the_label_of_a_row_moves_nothing_that_is_said_of_its_part() -> None:
    rows = held(50)
    labels = rows.labels.copy()
    labels[rows.fold == 2] = (labels[rows.fold == 2] + 1) % 3
    other = HeldOut(rows.outputs, labels, rows.index, rows.fold)

    one, two = cross_fitted(THREE, rows, 0), cross_fitted(THREE, other, 0)

    assert np.array_equal(one[rows.fold == 2], two[rows.fold == 2])
    assert not np.array_equal(one[rows.fold == 1], two[rows.fold == 1])


def test_the_best_arm_is_the_most_accurate_and_at_ties_scratch_then_the_cheapest() -> None:
    rows = held(200, (1.0, 0.0, 5.0))
    assert best_single(THREE, rows, 0, [1, 2, 3]) == 2
    tied = HeldOut((rows.outputs[2],) * 3, rows.labels, rows.index, rows.fold)
    assert best_single(THREE, tied, 1, [1, 2, 3]) == 1
    with_worse = HeldOut(
        (rows.outputs[1], rows.outputs[2], rows.outputs[2]), rows.labels, rows.index, rows.fold
    )
    assert best_single(THREE, with_worse, 0, [1, 9, 3]) == 2


def test_numbers_are_weighted_in_their_unit() -> None:
    rng = np.random.default_rng(0)
    labels = 100 + 20 * rng.normal(size=80)
    outputs = tuple((labels + s * rng.normal(size=80))[:, None] for s in (20, 5, 40))
    rows = HeldOut(outputs, labels, np.arange(80), np.arange(80) % 5)

    stack = fit(NUMBER, rows, safe=0)

    assert stack.weights[1] > 0.6
    assert all(w == 0 or w >= LEAST for w in stack.weights)
    assert stack.outputs(NUMBER, outputs) == pytest.approx(
        sum(w * out for w, out in zip(stack.weights, outputs, strict=True))
    )
    assert best_single(NUMBER, rows, 0, [1, 1, 1]) == 1
