"""What a finished run has said about each test example, read back from its folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from safetensors import SafetensorError

from tlrun.core.metrics import METRICS
from tlrun.core.task import Kind, MetricName, Task, TaskKey
from tlrun.runs.outcome import Outcome


@dataclass(frozen=True)
class Predicted:
    """One task that a run is judged by, on N test examples.

    task: with its classes and the metric it is judged by. role: its domain's: source, target or
    peer. outputs: float64 [N, k], as a head gives
    them. labels: [N], those that are missing too. index: int64 [N], rows in the data set. folds:
    int64 [N], where every row tests once. groups: int64 [N], where rows belong together.
    """

    task: Task
    metric: str
    role: str
    outputs: np.ndarray
    labels: np.ndarray
    index: np.ndarray
    folds: np.ndarray | None = None
    groups: np.ndarray | None = None


def predictions_of(run: Outcome) -> dict[TaskKey, Predicted]:
    """What `run` says, by task; empty where its files are missing or damaged."""
    from safetensors.numpy import load_file

    judged: Mapping[str, str] = run.result["headline"].get("tasks", {})
    try:
        run.check("predictions.safetensors")
        tensors = load_file(run.path / "predictions.safetensors")
        report = run.json("data.json")
        tasks = _tasks(report["splits"], judged)
        return {TaskKey.parse(key): _predicted(key, *tasks[key], tensors) for key in judged}
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return {}


def tasks_of(run: Outcome) -> dict[TaskKey, Task]:
    """The tasks that `run` is judged by, without a look at what it has said of them.

    Empty where data.json is missing or damaged.
    """
    judged: Mapping[str, str] = run.result["headline"].get("tasks", {})
    try:
        report = run.json("data.json")
        tasks = _tasks(report["splits"], judged)
        return {TaskKey.parse(key): tasks[key][0] for key in judged}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _tasks(rows: list[dict[str, Any]], judged: Mapping[str, str]) -> dict[str, tuple[Task, str]]:
    """The tasks of a load report, and the roles of their domains. judged: the metric of each.

    Raises ValueError where a task does not have it.
    """
    tasks = {}
    for row in rows:
        key = f"{row['domain']}/{row['task']}"
        if key in judged:
            kind = cast("Kind", row["kind"])
            if judged[key] not in METRICS[kind]:
                raise ValueError(f"{key}: no metric {judged[key]} of a {kind} task")
            classes = () if kind == "regression" else tuple(row["classes"])
            task = Task(row["task"], kind, classes, cast("MetricName", judged[key]))
            tasks[key] = (task, row["role"])
    return tasks


def _predicted(key: str, task: Task, role: str, tensors: Mapping[str, np.ndarray]) -> Predicted:
    labels, outputs = tensors[f"{key}/labels"], tensors[key].astype(np.float64)
    if len(labels) != len(outputs):
        raise ValueError(f"{key}: {len(outputs)} outputs of {len(labels)} examples")
    return Predicted(
        task=task,
        metric=task.metric or "",
        role=role,
        outputs=outputs,
        labels=labels,
        index=tensors[f"{key}/index"],
        folds=tensors.get(f"{key}/fold"),
        groups=tensors.get(f"{key}/group"),
    )
