"""Control: boosted trees, the method of first resort for tables, as scikit-learn fits it, untuned.

    F_m = F_{m-1} + 0.1 h_m,   h_m the tree of up to 31 leaves that fits the loss's gradient best

for m = 1 … 100, on the log loss of classes or the squared error of numbers, with the inputs cut
into 255 bins (HistGradientBoosting with its defaults, after Ke et al., "LightGBM", NeurIPS 2017). A
leaf holds at least 20 rows, so below 40 rows it is a constant; beyond 10,000 rows a tenth of them
says when to stop.

Its trees have no form that can be kept without pickle: of its run only the predictions are stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlrun.core.task import Task
from tlrun.strategies.estimator import EstimatorStrategy, Fitted, as_head

if TYPE_CHECKING:
    import numpy as np

FEWEST = 40  # rows, below which there are not two leaves
TOO_FEW = f"fewer than {FEWEST} rows to learn from, so it is a constant"


@dataclass(frozen=True)
class GradientBoosting(EstimatorStrategy):
    """Histogram gradient boosting."""

    def fit(self, task: Task, inputs: np.ndarray, labels: np.ndarray, seed: int) -> Fitted:
        """Grow the trees; `seed` draws the rows that say when to stop, where there are many."""
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        told = (TOO_FEW,) if len(labels) < FEWEST else ()
        drawn_from = seed % 2**32  # numpy's own range
        if task.kind == "regression":
            numbers = HistGradientBoostingRegressor(random_state=drawn_from).fit(inputs, labels)
            return Fitted(lambda new: numbers.predict(new)[:, None], warnings=told)
        model = HistGradientBoostingClassifier(random_state=drawn_from).fit(inputs, labels)

        def outputs(new: np.ndarray) -> np.ndarray:
            return as_head(task, model.classes_.tolist(), model.decision_function(new), len(labels))

        return Fitted(outputs, warnings=told)
