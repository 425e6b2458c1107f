import warnings

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

from tlrun.core.task import Task
from tlrun.strategies import linear_model
from tlrun.strategies.linear_model import LinearModel

RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 3))
NEW = RNG.standard_normal((9, 3))


def test_ridge_is_the_closed_solution() -> None:
    """(XᵀX + I) w = Xᵀy on centred inputs and numbers."""
    y = X @ np.array([1.0, -2.0, 0.5]) + 3.0 + 0.1 * RNG.standard_normal(60)
    fitted = LinearModel().fit(Task("t", "regression"), X, y, 0)
    centred = X - X.mean(axis=0)
    w = np.linalg.solve(centred.T @ centred + np.eye(3), centred.T @ (y - y.mean()))

    assert np.allclose(fitted.weights["coefficients"], w[None])
    assert np.allclose(fitted.outputs(NEW)[:, 0], NEW @ w + y.mean() - X.mean(axis=0) @ w)


def test_logistic_regression_is_the_minimum_of_its_equation() -> None:
    """scipy minimises Σ_j -log p(y_j | x_j) + ½‖w‖² from elsewhere, and finds the same answers."""
    y = RNG.integers(0, 3, 60)
    fitted = LinearModel().fit(Task("t", "multiclass", ("a", "b", "c")), X, y, 0)

    def equation(flat: np.ndarray) -> float:
        w, b = flat[:9].reshape(3, 3), flat[9:]
        losses = -log_softmax(X @ w.T + b, axis=1)[np.arange(60), y]
        return float(losses.sum() + (w**2).sum() / 2)

    found = minimize(equation, RNG.standard_normal(12), method="BFGS", options={"gtol": 1e-6}).x
    theirs = log_softmax(NEW @ found[:9].reshape(3, 3).T + found[9:], axis=1)

    assert np.allclose(log_softmax(fitted.outputs(NEW), axis=1), theirs, atol=1e-3)


def test_the_coefficients_that_are_kept_give_the_outputs_again() -> None:
    y = (X[:, 0] + 0.3 * RNG.standard_normal(60) > 0).astype(np.int64)
    fitted = LinearModel().fit(Task("t", "binary", ("no", "yes")), X, y, 0)

    again = NEW @ fitted.weights["coefficients"].T + fitted.weights["intercept"]
    assert np.allclose(fitted.outputs(NEW), again)
    assert fitted.weights["classes"].tolist() == [0, 1]
    assert fitted.warnings == ()


def test_other_warnings_are_not_taken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(self: LogisticRegression, *args: object) -> LogisticRegression:
        warnings.warn("of another kind", RuntimeWarning, stacklevel=2)
        return whole(self, *args)

    whole = LogisticRegression.fit
    monkeypatch.setattr(LogisticRegression, "fit", fit)
    y = (X[:, 0] > 0).astype(np.int64)
    with pytest.warns(RuntimeWarning, match="of another kind"):
        fitted = LinearModel().fit(Task("t", "binary", ("no", "yes")), X, y, 0)

    assert fitted.warnings == ()


def test_one_that_has_not_converged_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linear_model, "STEPS", 1)
    y = (X[:, 0] > 0).astype(np.int64)
    fitted = LinearModel().fit(Task("t", "binary", ("no", "yes")), X, y, 0)

    assert fitted.warnings == ("not converged in 1 steps",)
