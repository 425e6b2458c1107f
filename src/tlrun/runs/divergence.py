"""Whether a run has diverged: finite, and yet far worse than one answer for all examples.

A run has where both of these are more than FAR times the loss of one answer for all,

    the test loss of a task that it is judged by, and
    the loss of what it has learnt on a task's own training examples.

The test loss alone would not tell: it is as high where few labels are learnt by heart, or where a
source is unlike its target. On training examples it is then low. That one answer is the frequency
of each class in training, or all classes alike where that is worse; of a number the mean in
training, and no less than its variance there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tlrun.core.problem import Problem, known
from tlrun.core.task import Task, TaskKey
from tlrun.runs.has_diverged import FAR
from tlrun.strategies.base import Stage
from tlrun.strategies.constant_prediction import constant
from tlrun.training.evaluation import evaluate
from tlrun.training.losses import task_loss

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.models.model import Model

MOST = 1000  # training examples that are looked at, where the test loss is far


def diverged(
    problem: Problem,
    stage: Stage,
    model: Model,
    result: Mapping[str, Any],
    predictions: Mapping[str, Tensor],
) -> dict[str, Any] | None:
    """The task in which a run has diverged the most, its test loss, and that of one answer for all.

    None where it has not. stage: the last. model: as it has left it. result, predictions: of its
    test.
    """
    found: list[tuple[float, dict[str, Any]]] = []
    for key in result["headline"]["tasks"]:
        task = problem.task_keys[TaskKey.parse(key)]
        train = problem.domains[TaskKey.parse(key).domain].train.labels[task.name]
        loss = result["metrics"]["test"][key]["loss"]
        least = one_answer(task, train, predictions[f"{key}/labels"].numpy())
        if loss is not None and loss > FAR * least:
            found.append((loss / least, {"task": key, "loss": loss, "constant": least}))
    if not found or not any(_trained(problem, stage, model)):
        return None
    return max(found, key=lambda pair: pair[0])[1]


def _trained(problem: Problem, stage: Stage, model: Model) -> Iterator[bool]:
    """Of every task that the last stage was trained on, whether its own examples are far too."""
    for name in stage.domains:
        domain = problem.domains[name]
        part = domain.train.select(np.arange(min(MOST, len(domain.train))))
        scores, _ = evaluate(model, name, domain.tasks, part)
        for task in domain.tasks:
            labels = part.labels[task.name]
            loss = scores[str(TaskKey(name, task.name))]["loss"]
            if known(labels).any():  # of a loss too large for a number there is none
                yield loss is None or loss > FAR * one_answer(task, labels, labels)


def one_answer(task: Task, train: np.ndarray, labels: np.ndarray) -> float:
    """The loss on `labels` of one answer for all; of the answers there are, the worse one.

    train: the labels of `task` in training. Labels may be missing in both.
    """
    train, labels = train[known(train)], labels[known(labels)]
    least = math.log(len(task.classes)) if task.classes else 1.0
    if not len(train) or not len(labels):
        return least
    if task.kind == "regression":
        train = (train.astype(np.float64) - task.location) / task.scale
    answers = torch.from_numpy(constant(task, train).outputs(labels))
    return max(least, float(task_loss(task, answers, torch.from_numpy(labels), 1.0)))
