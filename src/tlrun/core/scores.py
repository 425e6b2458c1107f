"""How each metric is computed, given a task, outputs [N, k] of its head and labels [N].

Every label is present. Of classes, outputs are logits; of a number y, predictions ŷ in its unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from tlrun.core.task import Task


def accuracy(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:
    """The share of examples whose most probable class is right."""
    return float((predicted_class(task, outputs) == labels).mean())


def balanced_accuracy(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:
    """The mean, over the classes that are among the labels, of the share of each that is right."""
    import numpy as np

    right = predicted_class(task, outputs) == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))


def auc(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:
    """The area under the ROC curve.

    Of more than two classes: the mean over classes of one against the rest, by softmax probability.
    """
    import numpy as np

    if task.kind == "binary":
        return ordered_pairs(outputs[:, 0], labels == 1)
    chances = softmax(outputs.astype(np.float64))
    if task.outputs == 2:
        return ordered_pairs(chances[:, 1], labels == 1)
    return float(np.mean([ordered_pairs(p, labels == k) for k, p in enumerate(chances.T)]))


def ordered_pairs(outputs: np.ndarray, positive: np.ndarray) -> float:
    """Of the pairs of a positive and a negative example, how many have the larger output first.

    An equal pair counts half. That is the area under the ROC curve (Hanley and McNeil, Radiology
    1982). outputs: [N]. positive: which are, bool [N]; there are some of either.

    scikit-learn's own takes ten times as long, most of it checks, and its import a second.
    """
    import numpy as np

    above, below = outputs[positive], np.sort(outputs[~positive])
    smaller = np.searchsorted(below, above, "left").sum(dtype=np.int64)
    not_larger = np.searchsorted(below, above, "right").sum(dtype=np.int64)
    return float(smaller + not_larger) / (2 * len(above) * len(below))


def log_loss(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:
    """The mean of -log p(y), in nats; p from the logits, so that no p is rounded to 0."""
    return float(log_losses(task, outputs, labels).mean())


def log_losses(task: Task, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """-log p(y) of every example, float64 [N]."""
    import numpy as np

    logits = _logits(task, outputs)
    logits = logits - logits.max(axis=1, keepdims=True)
    total = np.log(np.exp(logits).sum(axis=1))
    losses: np.ndarray = total - logits[np.arange(len(labels)), labels]
    return losses


def brier(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:
    """The mean of Σ_k (p_k - [y = k])² (Brier, Monthly Weather Review 1950).

    Of two classes: half of it, which is (p_1 - y)².
    """
    return float(brier_scores(task, outputs, labels).mean())


def brier_scores(task: Task, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What `brier` is the mean of, for every example, float64 [N]."""
    import numpy as np

    chances = softmax(_logits(task, outputs))
    squares: np.ndarray = ((chances - np.eye(chances.shape[1])[labels]) ** 2).sum(axis=1)
    return squares / (2 if chances.shape[1] == 2 else 1)


def r2(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:  # noqa: ARG001  # as every metric
    """The coefficient of determination, 1 - Σ(y - ŷ)² / Σ(y - ȳ)²."""
    import numpy as np

    y = labels.astype(np.float64)
    return float(1.0 - ((y - outputs[:, 0]) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def mae(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:  # noqa: ARG001  # as every metric
    """The mean absolute error, mean |y - ŷ|, in the unit of y."""
    return float(abs(labels - outputs[:, 0]).mean())


def rmse(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:  # noqa: ARG001  # as every metric
    """The root of the mean squared error, √mean (y - ŷ)², in the unit of y."""
    return float(((labels - outputs[:, 0]) ** 2).mean() ** 0.5)


def predicted_class(task: Task, outputs: np.ndarray) -> np.ndarray:
    """The most probable class, int64 [N], of outputs [N, k].

    That is the argmax of the logits, or for a binary task whether its one logit is positive.
    """
    import numpy as np

    if task.kind == "multiclass":
        classes: np.ndarray = outputs.argmax(axis=1)
    else:
        classes = (outputs[:, 0] > 0).astype(np.int64)
    return classes


def softmax(logits: np.ndarray) -> np.ndarray:
    """p_k = exp(o_k) / Σ_j exp(o_j) of every row of logits o [N, k]."""
    import numpy as np

    # no exponential is above 1
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    chances: np.ndarray = powers / powers.sum(axis=1, keepdims=True)
    return chances


def _logits(task: Task, outputs: np.ndarray) -> np.ndarray:
    """One logit a class, float64 [N, number of classes]; the first of a binary task's is 0."""
    import numpy as np

    logits = outputs.astype(np.float64)
    if task.kind == "binary":
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    return logits
