"""Scores of a task on a split: one table says all that a metric is; `scores` computes them.

To add a metric, add it to `TABLE`; where a config may ask for it by name, `task.MetricName` has
to say so too. N examples, k outputs of a head.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tlrun.core import scores
from tlrun.core.task import Kind, Task

if TYPE_CHECKING:
    import numpy as np

    from tlrun.core.problem import Problem

TARGET, MEAN = "target ", "mean "  # what a headline says before its metric
POINT = 0.01  # within which a gain is none, of the scores below
OF_POINTS = ("auc", "r2")  # beside those in %
MIXED = "score"  # the headline over tasks whose scores have no mean

Compute = Callable[[Task, "np.ndarray", "np.ndarray"], float]
Unit = Literal["%", "label's", ""]


@dataclass(frozen=True)
class Metric:
    """A metric of tasks of some `kinds`.

    primary_of: the kinds of task that are judged by it, where a task does not choose another.
    unit: in which it is written; "%" is 100 times the number that is computed and kept, "label's"
        the unit of what is predicted, which two tasks need not share.
    higher_is_better: which way a score gets better.
    needs: how many different labels there must be for it to be defined.
    compute: the score, given the task, outputs [N, k] (logits, or predictions of a number) and
        labels [N], all of them present.
    """

    name: str
    unit: Unit
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


_CLASSES: tuple[Kind, ...] = ("multiclass", "binary")
_NUMBERS: tuple[Kind, ...] = ("regression",)
# name, unit, higher is better, needs, kinds, primary of, compute
_ROWS = (
    Metric("accuracy", "%", True, 1, _CLASSES, ("multiclass",), scores.accuracy),
    Metric("balanced_accuracy", "%", True, 1, _CLASSES, (), scores.balanced_accuracy),
    Metric("auc", "", True, "all classes", _CLASSES, ("binary",), scores.auc),
    Metric("log_loss", "", False, 1, _CLASSES, (), scores.log_loss),
    Metric("brier", "", False, 1, _CLASSES, (), scores.brier),
    Metric("r2", "", True, 2, _NUMBERS, ("regression",), scores.r2),
    Metric("mae", "label's", False, 1, _NUMBERS, (), scores.mae),
    Metric("rmse", "label's", False, 1, _NUMBERS, (), scores.rmse),
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
    import numpy as np

    finite, values = bool(np.isfinite(outputs).all()), len(np.unique(labels))
    found = {}
    for name in METRICS[task.kind]:
        defined = finite and values >= TABLE[name].needed(task)
        found[name] = _finite(TABLE[name].compute(task, outputs, labels)) if defined else None
    return found


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
    return _finite(row.compute(task, outputs, labels))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def headline_name(tasks: Iterable[Task], of_target: bool) -> str:
    """What the mean of the tasks' primary metrics is called, such as "target accuracy".

    of_target: whether the tasks are those of a target; "mean auc" is that of all tasks there are.
    Where they have no metric in common, or one in units of their own, it is called a score, and
    there is no such mean.
    """
    units = set()
    for task in tasks:
        metric = primary(task)
        units.add((metric, task.name if TABLE[metric].unit == "label's" else ""))
    (metric, _), *others = units
    return (TARGET if of_target else MEAN) + (MIXED if others else metric)


def headline_of(problem: Problem) -> str:
    """`headline_name` of what a problem is about: the target's tasks, or all without a target."""
    about = problem.only("target") if problem.named("target") else problem
    return headline_name(about.task_keys.values(), about is not problem)


def metric_of(name: str) -> Metric | None:
    """The metric of a headline (`headline_name`), or of a score by its own name.

    None where there is none: for a loss, or over tasks whose scores have no mean.
    """
    return TABLE.get(name.removeprefix(TARGET).removeprefix(MEAN))


def default_delta(headline: str) -> float | None:
    """Within how much of 0 a gain of a headline is none, where the user does not say.

    1 point (0.01) of scores in %, of auc and r2. None of others: what counts as much depends on the
    unit of a label, and there is no such bound of a loss.
    """
    metric = metric_of(headline)
    if metric is not None and (metric.unit == "%" or metric.name in OF_POINTS):
        return POINT
    return None
