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
    from scipy.special import softmax
    from sklearn.metrics import roc_auc_score

    if task.kind == "binary":
        return float(roc_auc_score(labels, outputs[:, 0]))
    chances = softmax(outputs.astype(np.float64), axis=1)
    if task.outputs == 2:
        return float(roc_auc_score(labels, chances[:, 1]))
    return float(roc_auc_score(labels, chances, multi_class="ovr"))


def log_loss(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:
    """The mean of -log p(y), in nats; p from the logits, so that no p is rounded to 0."""
    return float(log_losses(task, outputs, labels).mean())


def log_losses(task: Task, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """-log p(y) of every example, float64 [N]."""
    import numpy as np
    from scipy.special import log_softmax

    chances = log_softmax(_logits(task, outputs), axis=1)
    losses: np.ndarray = -chances[np.arange(len(labels)), labels]
    return losses


def brier(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:
    """The mean of Σ_k (p_k - [y = k])² (Brier, Monthly Weather Review 1950).

    Of two classes: half of it, which is (p_1 - y)².
    """
    return float(brier_scores(task, outputs, labels).mean())


def brier_scores(task: Task, outputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """What `brier` is the mean of, for every example, float64 [N]."""
    import numpy as np
    from scipy.special import softmax

    chances = softmax(_logits(task, outputs), axis=1)
    squares: np.ndarray = ((chances - np.eye(chances.shape[1])[labels]) ** 2).sum(axis=1)
    return squares / (2 if chances.shape[1] == 2 else 1)


def r2(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:  # noqa: ARG001  # as every metric
    """The coefficient of determination, 1 - Σ(y - ŷ)² / Σ(y - ȳ)²."""
    from sklearn.metrics import r2_score

    return float(r2_score(labels, outputs[:, 0]))


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


def _logits(task: Task, outputs: np.ndarray) -> np.ndarray:
    """One logit a class, float64 [N, number of classes]; the first of a binary task's is 0."""
    import numpy as np

    logits = outputs.astype(np.float64)
    if task.kind == "binary":
        logits = np.concatenate([np.zeros_like(logits), logits], axis=1)
    return logits
