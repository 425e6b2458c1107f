"""One result of what was learnt and tested fold by fold.

A score is that of all test examples together, each answered by the model that did not see it. An
AUC compares examples with one another, and what two models say is on two scales; so it is the share
of pairs *of one fold* that are in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tlrun.core.metrics import every_score, score
from tlrun.core.problem import Problem, known
from tlrun.core.task import Task, TaskKey
from tlrun.runs.final_evaluation import headline
from tlrun.training.evaluation import Scores

if TYPE_CHECKING:
    from torch import Tensor

Results = Sequence[Mapping[str, Any]]  # result.json of every fold


def pooled_predictions(folds: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """What predictions.safetensors holds of all folds, in the order of rows.

    folds: what it would hold of each. Beside it, as "domain/task/fold", stands the fold in which
    each example has tested, int64 [N]. A domain that is not folded tests the same examples in all:
    it is that of the first.
    """
    pooled: dict[str, Tensor] = {}
    for key in _task_keys(folds[0]):
        index = [fold[f"{key}/index"] for fold in folds]
        different = len(np.unique(torch.cat(index).numpy()))
        tested = range(len(folds) if different == sum(map(len, index)) else 1)
        order = torch.argsort(torch.cat([index[k] for k in tested]))
        of_rows = (key, f"{key}/labels", f"{key}/index", f"{key}/group")
        for name in filter(folds[0].__contains__, of_rows):  # there may be no groups
            pooled[name] = torch.cat([folds[k][name] for k in tested])[order]
        numbers = [torch.full_like(index[k], k) for k in tested]
        pooled[f"{key}/fold"] = torch.cat(numbers)[order]
    return pooled


def pooled_result(
    problem: Problem, folds: Results, predictions: Mapping[str, Tensor]
) -> dict[str, Any]:
    """result.json of all folds, given that of each and their pooled predictions.

    Steps and examples are those of all folds together, labels the most that one has seen, and
    validation scores, relation and disagreement their means.
    """
    scores: dict[str, Scores] = {"val": _means([fold["metrics"]["val"] for fold in folds])}
    scores["test"], tested = {}, {}
    for key in folds[0]["metrics"]["test"]:
        task = problem.task_keys[TaskKey.parse(key)]
        counts = [fold["tested"][key] for fold in folds]
        in_folds = predictions[f"{key}/fold"].numpy()
        if not in_folds.any():  # of a domain that is not folded
            scores["test"][key], tested[key] = folds[0]["metrics"]["test"][key], counts[0]
            continue
        losses = [fold["metrics"]["test"][key]["loss"] for fold in folds]
        scores["test"][key] = {
            "loss": _weighted(losses, [count["labels"] for count in counts]),
            **_scores(task, key, predictions),
        }
        tested[key] = {"labels": sum(count["labels"] for count in counts)}
        if task.classes:
            each = {name: sum(c["classes"][name] for c in counts) for name in task.classes}
            tested[key]["classes"] = each
        if len(task.classes) == 2:
            labels = predictions[f"{key}/labels"].numpy()
            of_folds = [np.bincount(labels[in_folds == k] + 1, minlength=3) for k in set(in_folds)]
            tested[key]["pairs"] = sum(int(count[1] * count[2]) for count in of_folds)
    result = {
        "headline": headline(problem, scores) | {"tasks": folds[0]["headline"]["tasks"]},
        "metrics": scores,
        "tested": tested,
        "labels": {n: max(fold["labels"][n] for fold in folds) for n in folds[0]["labels"]},
        "steps": sum(fold["steps"] for fold in folds),
        "examples": sum(fold["examples"] for fold in folds),
        "size": folds[0]["size"],
        "folds": len(folds),
    }
    if "relation" in folds[0]:
        matrices = np.array([fold["relation"]["matrix"] for fold in folds])
        result["relation"] = {**folds[0]["relation"], "matrix": matrices.mean(axis=0).tolist()}
    if all("disagreement" in fold for fold in folds):
        result["disagreement"] = fmean(fold["disagreement"] for fold in folds)
    return result


def _task_keys(predictions: Mapping[str, Tensor]) -> list[str]:
    """The names of tasks among those of tensors."""
    return [name.removesuffix("/index") for name in predictions if name.endswith("/index")]


def _scores(task: Task, key: str, predictions: Mapping[str, Tensor]) -> dict[str, float | None]:
    """Every metric of a task over all folds."""
    outputs, labels = predictions[key].numpy(), predictions[f"{key}/labels"].numpy()
    present, folds = known(labels), predictions[f"{key}/fold"].numpy()
    found = every_score(task, outputs[present], labels[present])
    if "auc" in found:
        found["auc"] = _auc_within(task, outputs[present], labels[present], folds[present])
    return found


def _auc_within(
    task: Task, outputs: np.ndarray, labels: np.ndarray, folds: np.ndarray
) -> float | None:
    """Σ_f n_f AUC_f / Σ_f n_f over the folds f in which it is defined.

    None where it is in none, and where an output is not finite.

    n_f: of two classes, the pairs that AUC_f is the share of; of more, the examples.
    """
    values, weights = [], []
    if not np.isfinite(outputs).all():  # or a fold that diverged would be left out
        return None
    for fold in np.unique(folds):
        mine = folds == fold
        value = score("auc", task, outputs[mine], labels[mine])
        if value is not None:
            counts = np.bincount(labels[mine])
            values.append(value)
            weights.append(int(counts.prod() if len(task.classes) == 2 else counts.sum()))
    return float(np.average(values, weights=weights)) if values else None


def _weighted(values: Sequence[float | None], weights: Sequence[int]) -> float | None:
    """The mean by weight; None where a value that weighs anything is missing."""
    total = 0.0
    for value, weight in zip(values, weights, strict=True):
        if weight and value is None:
            return None
        total += weight * (value or 0.0)
    return total / sum(weights) if sum(weights) else None


def _means(folds: Sequence[Scores]) -> Scores:
    """The mean of every score over the folds; None where one of them is missing."""
    means: Scores = {}
    for key in dict.fromkeys(key for fold in folds for key in fold):
        names = next(fold[key] for fold in folds if key in fold)
        means[key] = {}
        for name in names:
            every = [fold.get(key, {}).get(name) for fold in folds]
            means[key][name] = _weighted(every, [1] * len(every))
    return means
