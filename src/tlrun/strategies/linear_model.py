"""Control: a linear model of the inputs, as scikit-learn fits it, untuned.

    of classes  min_{w,b} Σ_j -log p(y_j | w x_j + b) + ½‖w‖²     logistic regression, C=1
    of numbers  min_{w,b} Σ_j (y_j - w x_j - b)² + ‖w‖²           ridge regression, α=1

over the rows j that are learnt from. Inputs and numbers are standardised already.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tlrun.core.task import Task
from tlrun.strategies.estimator import EstimatorStrategy, Fitted, as_head

if TYPE_CHECKING:
    import numpy as np

STEPS = 10_000  # of the solver, far more than a problem of standardised inputs takes


@dataclass(frozen=True)
class LinearModel(EstimatorStrategy):
    """Logistic regression of classes, ridge regression of numbers."""

    def fit(self, task: Task, inputs: np.ndarray, labels: np.ndarray, seed: int) -> Fitted:
        """Solve for the coefficients; nothing is drawn."""
        if task.kind == "regression":
            return ridge(inputs, labels)
        return logistic(task, inputs, labels)


def ridge(inputs: Any, labels: np.ndarray, alpha: float = 1.0) -> Fitted:
    """min_{w,b} Σ_j (y_j - w x_j - b)² + α‖w‖². inputs: [N, d], an array or a sparse matrix.

    Solved at once for an array, by conjugate gradients for a sparse matrix, up to 1e-8.
    """
    from sklearn.linear_model import Ridge

    model = Ridge(alpha=alpha, tol=1e-8).fit(inputs, labels)
    weights = {"coefficients": model.coef_[None], "intercept": model.intercept_.reshape(1)}
    return Fitted(lambda new: model.predict(new)[:, None], weights)


def logistic(task: Task, inputs: Any, labels: np.ndarray, C: float = 1.0) -> Fitted:
    """min_{w,b} C Σ_j -log p(y_j | w x_j + b) + ½‖w‖². inputs: [N, d], an array or a sparse matrix.

    Of two classes that were seen, the coefficients are those of the second's logit.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is told below
        model = LogisticRegression(C=C, max_iter=STEPS).fit(inputs, labels)
    told = (f"not converged in {STEPS} steps",) if (model.n_iter_ >= STEPS).any() else ()

    def outputs(new: Any) -> np.ndarray:
        return as_head(task, model.classes_.tolist(), model.decision_function(new), len(labels))

    weights = {
        "coefficients": model.coef_, "intercept": model.intercept_, "classes": model.classes_,
    }  # fmt: skip
    return Fitted(outputs, weights, told)
