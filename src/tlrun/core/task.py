"""What is predicted, and how a task is named: by its domain and its own name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["multiclass", "binary", "regression"]
# The names in `metrics.TABLE` that a config may ask for: of tasks with classes, and of any task.
ClassificationMetric = Literal["accuracy", "balanced_accuracy", "auc", "log_loss", "brier"]
MetricName = Literal[ClassificationMetric, "r2", "mae", "rmse"]


@dataclass(frozen=True)
class Task:
    """What is predicted: a label space, and with it a loss, a metric and a head.

    classes: their names, in the order of their labels 0, 1, …; empty for regression.
    metric: the primary one; None is the first of the kind in `metrics.METRICS`.
    location, scale: of regression, in the unit of its labels y: a head learns (y - location)/scale.

    Raises ValueError where `scale` is not above 0.
    """

    name: str
    kind: Kind
    classes: tuple[str, ...] = ()
    metric: MetricName | None = None
    location: float = 0.0
    scale: float = 1.0

    def __post_init__(self) -> None:
        if not self.scale > 0:
            raise ValueError(f"task {self.name}: expected a scale above 0, found {self.scale}")

    @property
    def outputs(self) -> int:
        """k, the width of the head: one logit a class, or a single number."""
        return len(self.classes) if self.kind == "multiclass" else 1


class TaskKey(NamedTuple):
    """Which task, of which domain: two domains may have one task. Its text is "domain/task"."""

    domain: str
    task: str

    def __str__(self) -> str:
        """What it is called in result.json, in safetensors and to a user."""
        return f"{self.domain}/{self.task}"

    @classmethod
    def parse(cls, text: str) -> TaskKey:
        """The key of what `str` gave. Raises ValueError for anything but two names and a slash."""
        names = text.split("/")
        if len(names) != 2 or "" in names:
            raise ValueError(f"task key: expected domain/task, found {text!r}")
        return cls(*names)


def tasks_by_key(tasks_by_domain: Mapping[str, Iterable[Task]]) -> dict[TaskKey, Task]:
    """Every task of every domain by its key, domain by domain, given the tasks of each."""
    pairs = [(domain, task) for domain, tasks in tasks_by_domain.items() for task in tasks]
    return {TaskKey(domain, task.name): task for domain, task in pairs}


def short_names(keys: Iterable[TaskKey]) -> dict[TaskKey, str]:
    """What each of some tasks is called among the others: by what sets it apart.

    That is its task where all are of one domain, its domain where all are one task, else both.
    """
    keys = tuple(keys)
    if len({key.domain for key in keys}) == 1:
        return {key: key.task for key in keys}
    if len({key.task for key in keys}) == 1:
        return {key: key.domain for key in keys}
    return {key: str(key) for key in keys}
