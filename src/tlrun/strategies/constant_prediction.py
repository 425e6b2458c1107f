"""Control: the same answer for every row; a model that does not beat it has learnt nothing.

    of classes  p_k = (n_k + 1) / (N + k)     the share of class k, with one row more of each
    of numbers  ŷ = 1/N Σ_j y_j               their mean

over the N rows that are learnt from, n_k of them of class k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from tlrun.core.inputs import Kind
from tlrun.core.task import Task
from tlrun.strategies.estimator import EstimatorStrategy, Fitted

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class ConstantPrediction(EstimatorStrategy):
    """One answer for every row."""

    takes: ClassVar[tuple[Kind, ...]] = ("vector", "image", "tokens")

    def fit(self, task: Task, inputs: Any, labels: np.ndarray, seed: int) -> Fitted:
        """Count the labels; nothing is drawn."""
        return constant(task, labels)


def constant(task: Task, labels: np.ndarray) -> Fitted:
    """The answer of `labels` [N] to every row, as what a head would give."""
    import numpy as np

    if task.kind == "regression":
        answer = np.array([labels.mean()])
    else:
        k = len(task.classes)
        logs = np.log((np.bincount(labels, minlength=k) + 1) / (len(labels) + k))
        answer = logs[1:] - logs[:1] if task.kind == "binary" else logs
    return Fitted(lambda inputs: np.tile(answer, (len(inputs), 1)), {"answer": answer})
