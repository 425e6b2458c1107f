"""How far heads of one label space agree: what a penalty on their relation is meant to move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from statistics import fmean
from typing import TYPE_CHECKING

import torch

from tlrun.core.scores import predicted_class
from tlrun.training.evaluation import in_order, slices

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from tlrun.core.problem import Problem, Split
    from tlrun.core.task import Task, TaskKey
    from tlrun.models.model import Model


def disagreement(
    model: Model,
    problem: Problem,
    test: Mapping[str, Split],
    encode: Callable[[str, Split], Split] = lambda _, split: split,
) -> float | None:
    """The mean, over pairs of tasks of one label space, of the share of inputs they differ on.

    Both heads of a pair predict a class for the test inputs of both its domains; no label is looked
    at. test: the test split of every domain. encode: gives the examples of a domain as features,
    where φ was held fixed, in the same for every task. None where no two heads stand for one label
    space, or what they predict are numbers.
    """
    if model.task_specific == "nothing":
        return None
    by_space: dict[str, list[TaskKey]] = {}
    for key, task in problem.task_keys.items():
        if task.kind != "regression" and model.has_head(key):
            by_space.setdefault(task.name, []).append(key)
    # Of each pair: on how many inputs of its domains it differs, and of how many.
    differing: Counter[tuple[TaskKey, TaskKey]] = Counter()
    inputs: Counter[tuple[TaskKey, TaskKey]] = Counter()
    for name, keys in by_space.items():
        if len(keys) < 2:
            continue
        for domain in dict.fromkeys(key.domain for key in keys):
            seen = encode(domain, test[domain])
            classes = _predictions(model, keys, domain, seen, problem.tasks[name])
            for one, other in combinations(keys, 2):
                if domain in (one.domain, other.domain):
                    differing[one, other] += int((classes[one] != classes[other]).sum())
                    inputs[one, other] += len(classes[one])
    if not any(inputs.values()):
        return None
    return fmean(differing[pair] / count for pair, count in inputs.items() if count)


def _predictions(
    model: Model, keys: Sequence[TaskKey], domain: str, split: Split, task: Task
) -> dict[TaskKey, np.ndarray]:
    """The class [N] that each head of `keys` gives the examples of `domain`."""
    model.eval()
    trunks = {model.trunk_of(key) for key in keys}
    outputs: dict[TaskKey, list[Tensor]] = {key: [] for key in keys}

    def heads(inputs: Tensor) -> list[Tensor]:
        z = {trunk: trunk(inputs, domain, passed=split.passed) for trunk in trunks}
        return [model.output(key, z[model.trunk_of(key)]) for key in keys]

    with torch.no_grad():
        for part in slices(split):
            made = in_order(split, part, model.device, heads)
            for key, output in zip(keys, made, strict=True):
                outputs[key].append(output)
    classes: dict[TaskKey, np.ndarray] = {}
    for key, parts in outputs.items():
        classes[key] = predicted_class(task, torch.cat(parts).cpu().numpy())
    return classes
