"""Scores of a task on a split. Every metric is higher-is-better; scikit-learn computes them.

accuracy: share of examples whose most probable class is right. auc: area under the ROC curve; for
more than two classes the mean of one against the rest, by softmax probability. r2: coefficient of
determination. A score that the labels leave undefined (auc with a class absent, r2 of one value) is
None, never a number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from tlrun.core.problem import Kind, Metric, Task

# The first is the kind's primary metric.
METRICS: dict[Kind, tuple[Metric, ...]] = {
    "multiclass": ("accuracy", "auc"),
    "binary": ("auc", "accuracy"),
    "regression": ("r2",),
}


def primary(task: Task) -> Metric:
    """The metric a task is judged by: its own choice, or its kind's first."""
    return task.metric or METRICS[task.kind][0]


def score(metric: Metric, task: Task, outputs: np.ndarray, labels: np.ndarray) -> float | None:
    """`metric` of outputs [N, k] (logits or predictions) against labels [N], all of them present.

    Raises ValueError for a metric that the task's kind does not have.
    """
    from sklearn import metrics as sk

    if metric not in METRICS[task.kind]:
        raise ValueError(f"{task.name}: expected a metric of a {task.kind} task, found {metric}")
    if len(np.unique(labels)) < _distinct_needed(metric, task):
        return None
    if metric == "r2":
        return float(sk.r2_score(labels, outputs[:, 0]))
    if metric == "accuracy":
        return float(sk.accuracy_score(labels, predicted_class(task, outputs)))
    if task.kind == "binary":
        return float(sk.roc_auc_score(labels, outputs[:, 0]))
    from scipy.special import softmax

    chances = softmax(outputs.astype(np.float64), axis=1)
    return float(
        sk.roc_auc_score(labels, chances[:, 1] if task.outputs == 2 else chances, multi_class="ovr")
    )


def _distinct_needed(metric: Metric, task: Task) -> int:
    """How many different labels a score needs to be defined: one, two numbers to vary, or every
    class to rank.
    """
    if metric == "accuracy":
        return 1
    return 2 if metric == "r2" else len(task.classes)


def predicted_class(task: Task, outputs: np.ndarray) -> np.ndarray:
    """The most probable class of outputs [N, k]: argmax of the logits, or a positive logit for a
    binary task.
    """
    return (
        outputs.argmax(axis=1)
        if task.kind == "multiclass"
        else (outputs[:, 0] > 0).astype(np.int64)
    )
