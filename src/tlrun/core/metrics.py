"""Scores of a task on a split: one table says all that a metric is; scikit-learn computes them.

To add a metric, add it to `TABLE`; where a config may ask for it by name, `problem.MetricName` has
to say so too. N examples, k outputs of a head.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

    from tlrun.core.problem import Kind, Task

TARGET, MEAN = "target ", "mean "  # what a headline says before its metric
MIXED = "score"  # the headline over tasks of different metrics

Compute = Callable[["Task", "np.ndarray", "np.ndarray"], float]


@dataclass(frozen=True)
class Metric:
    """A metric of tasks of some `kinds`.

    primary_of: the kinds of task that are judged by it, where a task does not choose another.
    unit: in which it is written; "%" is 100 times the number that is computed and kept.
    higher_is_better: which way a score gets better.
    needs: how many different labels there must be for it to be defined.
    compute: the score, given the task, outputs [N, k] (logits, or predictions of a number) and
        labels [N], all of them present.
    """

    name: str
    unit: Literal["%", ""]
    higher_is_better: bool
    needs: int | Literal["all classes"]
    kinds: tuple[Kind, ...]
    primary_of: tuple[Kind, ...]
    compute: Compute

    def gain(self, score: float, base: float) -> float:
        """By how much `score` is better than `base`, as computed: above 0 where it is."""
        return score - base if self.higher_is_better else base - score

    def needed(self, task: Task) -> int:
        """How many different labels of `task` there must be for a score."""
        return len(task.classes) if self.needs == "all classes" else self.needs


def _accuracy(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:
    """The share of examples whose most probable class is right."""
    from sklearn.metrics import accuracy_score

    return float(accuracy_score(labels, predicted_class(task, outputs)))


def _auc(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:
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


def _r2(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:  # noqa: ARG001  # as every metric
    """The coefficient of determination, 1 - Σ(y - ŷ)² / Σ(y - ȳ)²."""
    from sklearn.metrics import r2_score

    return float(r2_score(labels, outputs[:, 0]))


_ROWS = (
    Metric(
        "accuracy",
        unit="%",
        higher_is_better=True,
        needs=1,
        kinds=("multiclass", "binary"),
        primary_of=("multiclass",),
        compute=_accuracy,
    ),
    Metric(
        "auc",
        unit="",
        higher_is_better=True,
        needs="all classes",
        kinds=("multiclass", "binary"),
        primary_of=("binary",),
        compute=_auc,
    ),
    Metric(
        "r2",
        unit="",
        higher_is_better=True,
        needs=2,
        kinds=("regression",),
        primary_of=("regression",),
        compute=_r2,
    ),
)
TABLE: dict[str, Metric] = {metric.name: metric for metric in _ROWS}


def names_by_kind(table: Mapping[str, Metric]) -> dict[Kind, tuple[str, ...]]:
    """The names of the metrics of each kind of task, its primary metric first."""
    names: dict[Kind, tuple[str, ...]] = {}
    for metric in table.values():
        for kind in metric.kinds:
            others = names.get(kind, ())
            if kind in metric.primary_of:
                names[kind] = (metric.name, *others)
            else:
                names[kind] = (*others, metric.name)
    return names


METRICS: dict[Kind, tuple[str, ...]] = names_by_kind(TABLE)


def primary(task: Task) -> str:
    """The name of the metric a task is judged by: its own choice, or its kind's first."""
    return task.metric or METRICS[task.kind][0]


def every_score(task: Task, outputs: np.ndarray, labels: np.ndarray) -> dict[str, float | None]:
    """Every metric of the task's kind, by name; arguments and values as of `score`."""
    return {name: score(name, task, outputs, labels) for name in METRICS[task.kind]}


def score(metric: str, task: Task, outputs: np.ndarray, labels: np.ndarray) -> float | None:
    """`metric` of outputs [N, k] (logits or predictions) against labels [N], all of them present.

    None, never a number, where the labels leave it undefined (auc with a class absent, r2 of one
    value), and where outputs, or the score, are not finite. Raises ValueError for a metric that the
    task's kind does not have.
    """
    import numpy as np

    row = TABLE.get(metric)
    if row is None or task.kind not in row.kinds:
        raise ValueError(f"{task.name}: expected a metric of a {task.kind} task, found {metric}")
    if len(np.unique(labels)) < row.needed(task):
        return None
    if not np.isfinite(outputs).all():
        return None
    value = row.compute(task, outputs, labels)
    return value if math.isfinite(value) else None


def headline_name(metrics: set[str], of_target: bool) -> str:
    """What the mean of the tasks' primary metrics is called, such as "target accuracy".

    metrics: the names of those metrics; of several, the mean is called a score.
    of_target: whether the tasks are those of a target; "mean auc" is that of all tasks there are.
    """
    metric = MIXED
    if len(metrics) == 1:
        (metric,) = metrics
    return (TARGET if of_target else MEAN) + metric


def metric_of(name: str) -> Metric | None:
    """The metric of a headline (`headline_name`), or of a score by its own name.

    None where there is none: for a loss, or a mean over tasks of different metrics.
    """
    return TABLE.get(name.removeprefix(TARGET).removeprefix(MEAN))


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
