"""How far heads of one label space agree: what a penalty on their relation is meant to move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import TYPE_CHECKING

import torch

from tlrun.core.metrics import predicted_class
from tlrun.data.batches import as_batch
from tlrun.training.evaluation import EVALUATION_BATCH

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from tlrun.core.problem import Problem, Split, Task, TaskKey
    from tlrun.models.model import Model


def disagreement(model: Model, problem: Problem, test: Mapping[str, Split]) -> float | None:
    """The mean, over pairs of tasks of one label space, of the share of their test inputs that they
    answer differently.

    Both heads answer the inputs of both domains; no label is looked at. None where no two heads
    stand for one label space, or they answer with numbers.
    """
    if model.task_specific == "nothing":
        return None
    by_space: dict[str, list[TaskKey]] = {}
    for key, task in problem.task_keys.items():
        if task.kind != "regression" and model.has_head(key):
            by_space.setdefault(task.name, []).append(key)
    # of each pair, in each of its domains: how many inputs it is apart on, and of how many
    counted: dict[tuple[TaskKey, TaskKey], list[tuple[int, int]]] = {}
    for name, keys in by_space.items():
        if len(keys) < 2:
            continue
        for domain in dict.fromkeys(key.domain for key in keys):
            classes = _predictions(model, keys, domain, test[domain], problem.tasks[name])
            for one, other in combinations(keys, 2):
                if domain in (one.domain, other.domain):
                    differing = int((classes[one] != classes[other]).sum())
                    counted.setdefault((one, other), []).append((differing, len(classes[one])))
    shares = [sum(n for n, _ in parts) / sum(n for _, n in parts) for parts in counted.values()]
    return fmean(shares) if shares else None


def _predictions(
    model: Model, keys: Sequence[TaskKey], domain: str, split: Split, task: Task
) -> dict[TaskKey, np.ndarray]:
    """The class [N] that each head of `keys` gives the examples of `domain`."""
    inputs = as_batch(split, model.device).inputs
    model.eval()
    parts: dict[TaskKey, list[Tensor]] = {key: [] for key in keys}
    with torch.no_grad():
        for part in torch.split(inputs, EVALUATION_BATCH):
            z = {trunk: trunk(part, domain) for trunk in {model.trunk_of(key) for key in keys}}
            for key in keys:
                parts[key].append(model.output(key, z[model.trunk_of(key)]))
    return {
        key: predicted_class(task, torch.cat(outputs).cpu().numpy())
        for key, outputs in parts.items()
    }
