import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from tlrun.core.task import Task
from tlrun.strategies.gradient_boosting import GradientBoosting

RNG = np.random.default_rng(0)
X = RNG.standard_normal((300, 3))


def test_it_learns_what_no_linear_model_can() -> None:
    y = (X[:, 0] * X[:, 1] > 0).astype(np.int64)
    fitted = GradientBoosting().fit(Task("t", "binary", ("no", "yes")), X, y, 0)

    assert ((fitted.outputs(X)[:, 0] > 0) == y).mean() > 0.9
    assert fitted.weights == {}  # no form without pickle


def test_it_is_scikit_learns_with_its_defaults() -> None:
    y = X[:, 0] ** 2
    fitted = GradientBoosting().fit(Task("t", "regression"), X, y, 5)

    assert np.array_equal(
        fitted.outputs(X)[:, 0], HistGradientBoostingRegressor(random_state=5).fit(X, y).predict(X)
    )


def test_a_seed_of_any_size_will_do() -> None:
    y = RNG.integers(0, 3, 300)
    fitted = GradientBoosting().fit(Task("t", "multiclass", ("a", "b", "c")), X, y, 2**63 - 1)

    assert fitted.outputs(X).shape == (300, 3)


def test_too_few_rows_for_a_leaf_give_one_answer() -> None:
    y = np.arange(30) % 2
    fitted = GradientBoosting().fit(Task("t", "binary", ("no", "yes")), X[:30], y, 0)

    assert np.ptp(fitted.outputs(X)) == 0.0
    assert fitted.warnings == ("fewer than 40 rows to learn from, so it is a constant",)


def test_of_as_many_rows_as_two_leaves_take_nothing_is_told() -> None:
    y = (X[:40, 0] > 0).astype(np.int64)
    fitted = GradientBoosting().fit(Task("t", "binary", ("no", "yes")), X[:40], y, 0)

    assert fitted.warnings == ()
