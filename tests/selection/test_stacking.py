"""Weights of the safe stack: oracles from scipy, conditions of an optimum, and its limits."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from tlrun.selection.stacking import (
    ALONE,
    PRIOR,
    log_chances,
    number_weights,
    pool_weight,
    temperature_of,
)


def chances(
    seed: int, n: int = 40, skill: tuple[float, float] = (1.0, 2.0)
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What scratch and a pool say of n rows of three classes, and the labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    right = labels[:, None] == np.arange(3)
    safe, pooled = (softmax(rng.normal(size=(n, 3)) + much * right, axis=1) for much in skill)
    return safe, pooled, labels


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("prior", [0.0, 1.0, 12.0])
@pytest.mark.parametrize("skill", [(1.0, 2.0), (1.0, 0.0), (0.0, 5.0)])
def test_the_weight_is_the_maximum_that_scipy_finds(
    seed: int, prior: float, skill: tuple[float, float]
) -> None:
    safe, pooled, labels = chances(seed, skill=skill)
    n = len(labels)

    def worse(w: float) -> float:
        logs = np.log((1 - w) * safe + w * pooled)
        rows = logs[np.arange(n), labels].sum()
        return float(-rows - prior / n * (safe * logs).sum() - ALONE * np.log1p(-w))

    found = pool_weight(safe, pooled, labels, prior)
    best = minimize_scalar(worse, bounds=(0, 1), method="bounded", options={"xatol": 1e-10})

    assert 0 <= found < 1
    assert worse(found) <= best.fun + 1e-6


def test_an_infinite_prior_is_scratch_alone_and_none_forgets_it() -> None:
    safe, pooled, labels = chances(0)

    assert pool_weight(safe, pooled, labels, prior=1e9) == pytest.approx(0, abs=1e-6)
    free = pool_weight(safe, pooled, labels, prior=0.0)
    assert free > pool_weight(safe, pooled, labels, prior=12.0)


def test_more_rows_outweigh_the_prior() -> None:
    safe, pooled, labels = chances(0, n=10, skill=(0.5, 1.5))

    shares = [
        pool_weight(np.tile(safe, (times, 1)), np.tile(pooled, (times, 1)), np.tile(labels, times))
        for times in (1, 10, 100)
    ]

    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(pool_weight(safe, pooled, labels, prior=0.0), abs=0.05)


def test_where_the_pool_says_what_scratch_says_the_prior_costs_nothing() -> None:
    safe, _, labels = chances(0)

    assert pool_weight(safe, safe, labels) == 0.0


def test_a_worse_pool_gets_nothing() -> None:
    assert pool_weight(*chances(1, n=200, skill=(2.0, 0.0))) == 0.0


def test_rows_of_which_one_is_sure_and_wrong_cost_a_row_not_everything() -> None:
    safe, pooled, labels = chances(2, n=100, skill=(0.5, 4.0))
    pooled[0] = np.eye(3)[(labels[0] + 1) % 3]  # it gave the label no chance at all

    assert 0.2 < pool_weight(safe, pooled, labels) < 1


def test_the_order_of_rows_is_nothing() -> None:
    safe, pooled, labels = chances(3)

    moved = pool_weight(safe[::-1], pooled[::-1], labels[::-1])

    assert moved == pytest.approx(pool_weight(safe, pooled, labels), abs=1e-9)


@pytest.mark.parametrize("truth", [0.7, 1.0, 2.5, 8.0])
def test_the_temperature_is_found_that_labels_were_drawn_with(truth: float) -> None:
    rng = np.random.default_rng(0)
    logits = 6 * rng.standard_normal((20_000, 4))
    chances = np.exp(log_softmax(logits / truth, axis=1))
    labels = (chances.cumsum(axis=1) < rng.random((len(chances), 1))).sum(axis=1)

    assert temperature_of(logits, labels) == pytest.approx(truth, rel=0.05)


def test_few_rows_make_no_arm_boundlessly_sure_or_unsure() -> None:
    logits = np.eye(3)[[0, 1, 2]] * 0.5

    right = temperature_of(logits, np.array([0, 1, 2]))
    wrong = temperature_of(logits, np.array([1, 2, 0]))

    assert 0.5 < right < 1 < wrong < 2


def test_of_no_evidence_the_temperature_is_one() -> None:
    assert temperature_of(np.zeros((5, 3)), np.array([0, 1, 2, 0, 1])) == pytest.approx(1, abs=1e-3)


def test_one_logit_of_two_classes_is_two_logits() -> None:
    one = np.linspace(-3, 3, 7)[:, None]
    two = np.concatenate([np.zeros_like(one), one], axis=1)

    assert log_chances(one, 2.0) == pytest.approx(log_chances(two, 2.0))
    labels = np.array([0, 1, 0, 1, 1, 0, 1])
    assert temperature_of(one, labels) == pytest.approx(temperature_of(two, labels), rel=1e-4)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e4])
def test_weights_of_numbers_are_those_of_an_optimum(seed: int, unit: float) -> None:
    rng = np.random.default_rng(seed)
    labels = unit * rng.standard_normal(30)
    answers = labels[:, None] + unit * rng.standard_normal((30, 4)) * np.array([2, 1, 0.5, 3])

    weights = number_weights(answers, labels, safe=0)

    pulled = np.concatenate([answers, np.sqrt(PRIOR / 30) * answers])
    wanted = np.concatenate([labels, np.sqrt(PRIOR / 30) * answers[:, 0]])
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
