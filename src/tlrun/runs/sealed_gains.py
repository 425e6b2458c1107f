"""By how much a run is better than a control on rows that both were asked about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tlrun.core.metrics import metric_of
from tlrun.core.problem import Problem, known
from tlrun.core.scores import predicted_class
from tlrun.core.task import Task, TaskKey

if TYPE_CHECKING:
    from torch import Tensor

RIGHT_OR_WRONG = ("accuracy", "balanced_accuracy")


def task_gains(
    problem: Problem,
    compared: Mapping[str, str],
    arms: tuple[str, str],
    scores: Mapping[str, Mapping[str, Any]],
    said: Mapping[str, Mapping[str, Tensor]],
) -> dict[str, dict[str, Any]]:
    """Of each task that both arms answer for: metric, gain, and on how many rows they differ.

    compared: the tasks whose gain is of interest, each with its metric. arms: the names of the run
    and of the control. scores: what each arm scored, its "metrics" by task. said: its predictions,
    as `final_evaluation.scores_of` gives them.
    """
    run, control = (said[name] for name in arms)
    gains = {}
    for key, metric in compared.items():
        if key not in run or key not in control:
            continue
        ours, theirs = (scores[name]["metrics"][key][metric] for name in arms)
        task = problem.task_keys[TaskKey.parse(key)]
        gains[key] = {
            "metric": metric,
            "gain": gain_of(metric, ours, theirs),
            "differing": differing(task, metric, run[key], control[key], run[f"{key}/labels"]),
        }
    return gains


def gain_of(name: str, score: float | None, base: float | None) -> float | None:
    """By how much `score` is better than `base`, two scores of the metric or headline `name`.

    None where either is undefined, or `name` is no metric.
    """
    metric = metric_of(name)
    if score is None or base is None or metric is None:
        return None
    return metric.gain(score, base)


def differing(task: Task, metric: str, one: Tensor, other: Tensor, labels: Tensor) -> int:
    """On how many labelled rows two runs differ.

    Of an accuracy: where one is right and the other wrong; of other metrics: where their outputs,
    [N, k] each, are not the same. labels: [N].
    """
    truth = labels.numpy()
    present = known(truth)
    if metric not in RIGHT_OR_WRONG:
        return int((one != other).any(dim=1).numpy()[present].sum())
    right = [predicted_class(task, outputs.numpy()) == truth for outputs in (one, other)]
    return int((right[0] != right[1])[present].sum())
