"""Weights of the safe stack: oracles from scipy, conditions of an optimum, and its limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import LinearConstraint, minimize
from scipy.special import log_softmax

from tlrun.selection.stacking import (
    COOLEST,
    HOTTEST,
    class_weights,
    log_chances,
    number_weights,
    temperature_of,
)


def likelihoods(seed: int, n: int = 40, arms: int = 5) -> np.ndarray:
    """log p_ia of arms of unequal worth."""
    rng = np.random.default_rng(seed)
    return np.log(rng.beta(np.linspace(1, 3, arms), 2.0, (n, arms)))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("prior", [0.0, 1.0, 8.0])
def test_em_finds_the_maximum_that_scipy_finds(seed: int, prior: float) -> None:
    rows = likelihoods(seed)

    def worse(w: np.ndarray) -> float:
        inside = np.maximum(w, 1e-12)
        return float(-np.log(np.exp(rows) @ inside).sum() - prior * np.log(inside[0]))

    found = class_weights(rows, safe=0, prior=prior)
    best = minimize(
        worse,
        np.full(5, 0.2),
        method="SLSQP",
        bounds=[(0, 1)] * 5,
        constraints=LinearConstraint(np.ones(5), 1, 1),
        options={"ftol": 1e-12, "maxiter": 500},
    )

    assert found.sum() == pytest.approx(1)
    assert worse(found) <= best.fun + 1e-6


@pytest.mark.parametrize("seed", range(5))
def test_every_arm_in_use_has_one_gradient_and_no_other_a_higher_one(seed: int) -> None:
    rows, prior = likelihoods(seed), 8.0

    weights = class_weights(rows, safe=2, prior=prior)

    gradient = (np.exp(rows) / (np.exp(rows) @ weights)[:, None]).sum(axis=0)
    gradient[2] += prior / weights[2]
    total = len(rows) + prior  # the multiplier of Σ w = 1
    assert gradient[weights > 1e-4] == pytest.approx(total, rel=1e-3)
    assert (gradient <= total * (1 + 1e-3)).all()


def test_an_infinite_prior_is_scratch_alone_and_none_forgets_it() -> None:
    rows = likelihoods(0)

    assert class_weights(rows, 0, prior=1e9)[0] == pytest.approx(1)
    assert class_weights(rows, 0, prior=0.0)[0] < class_weights(rows, 0, prior=8.0)[0]


def test_more_rows_outweigh_the_prior() -> None:
    one = likelihoods(0, n=10)

    shares = [class_weights(np.tile(one, (times, 1)), 0)[0] for times in (1, 10, 100)]

    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == pytest.approx(class_weights(one, 0, prior=0.0)[0], abs=0.02)


def test_the_order_of_arms_and_rows_is_nothing() -> None:
    rows, order = likelihoods(3), np.array([2, 0, 4, 1, 3])

    moved = class_weights(rows[::-1][:, order], safe=int(np.flatnonzero(order == 1)[0]))

    assert moved == pytest.approx(class_weights(rows, safe=1)[order], abs=1e-8)


def test_an_arm_that_is_sure_and_wrong_costs_a_row_not_everything() -> None:
    rows = likelihoods(1)
    rows[0, 4] = -np.inf  # it gave the label no chance at all

    weights = class_weights(rows, safe=0)

    assert np.isfinite(weights).all()
    assert weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("truth", [0.7, 1.0, 2.5, 8.0])
def test_the_temperature_is_found_that_labels_were_drawn_with(truth: float) -> None:
    rng = np.random.default_rng(0)
    logits = 6 * rng.standard_normal((20_000, 4))
    chances = np.exp(log_softmax(logits / truth, axis=1))
    labels = (chances.cumsum(axis=1) < rng.random((len(chances), 1))).sum(axis=1)

    assert temperature_of(logits, labels) == pytest.approx(truth, rel=0.05)


def test_a_temperature_stays_in_its_bounds() -> None:
    logits = np.eye(3)[[0, 1, 2]] * 0.5

    assert temperature_of(logits, np.array([0, 1, 2])) == pytest.approx(COOLEST, rel=1e-3)
    assert temperature_of(logits, np.array([1, 2, 0])) == pytest.approx(HOTTEST, rel=1e-3)


def test_one_logit_of_two_classes_is_two_logits() -> None:
    one = np.linspace(-3, 3, 7)[:, None]
    two = np.concatenate([np.zeros_like(one), one], axis=1)

    assert log_chances(one, 2.0) == pytest.approx(log_chances(two, 2.0))
    labels = np.array([0, 1, 0, 1, 1, 0, 1])
    assert temperature_of(one, labels) == pytest.approx(temperature_of(two, labels))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e4])
def test_weights_of_numbers_are_those_of_an_optimum(seed: int, unit: float) -> None:
    rng = np.random.default_rng(seed)
    labels = unit * rng.standard_normal(30)
    answers = labels[:, None] + unit * rng.standard_normal((30, 4)) * np.array([2, 1, 0.5, 3])

    weights = number_weights(answers, labels, safe=0)

    pulled = np.concatenate([answers, np.sqrt(8 / 30) * answers])
    wanted = np.concatenate([labels, np.sqrt(8 / 30) * answers[:, 0]])
    gradient = 2 * pulled.T @ (pulled @ weights - wanted) / unit**2
    assert weights.sum() == pytest.approx(1)
    assert (weights >= 0).all()
    least = gradient.min()
    assert gradient[weights > 1e-3] == pytest.approx(least, abs=1e-2 * abs(gradient).max())


def test_the_unit_of_a_number_moves_no_weight() -> None:
    rng = np.random.default_rng(1)
    labels = rng.standard_normal(20)
    answers = labels[:, None] + rng.standard_normal((20, 3))

    kilo = number_weights(1000 * answers + 7, 1000 * labels + 7, safe=1)

    assert kilo == pytest.approx(number_weights(answers, labels, safe=1), abs=1e-4)


def test_an_infinite_prior_answers_numbers_as_scratch_does() -> None:
    rng = np.random.default_rng(2)
    answers, labels = rng.standard_normal((20, 3)), rng.standard_normal(20)

    assert number_weights(answers, labels, 2, prior=1e9)[2] == pytest.approx(1, abs=1e-3)
