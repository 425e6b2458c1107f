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

    from tlrun.core.problem import Problem, Split, Task
    from tlrun.models.model import Model


def disagreement(model: Model, problem: Problem, test: Mapping[str, Split]) -> float | None:
    """The mean, over pairs of tasks of one label space, of the share of their test inputs that they
    answer differently.

    Both heads answer the inputs of both domains; no label is looked at. None where no two heads
    stand for one label space, or they answer with numbers.
    """
    if model.task_specific == "nothing":
        return None
    spaces: dict[str, list[str]] = {}
    for unit, task in problem.units.items():
        if task.kind != "regression" and model.has_head(unit):
            spaces.setdefault(task.name, []).append(unit)
    counted: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for name, units in spaces.items():
        for domain in (
            dict.fromkeys(unit.partition("/")[0] for unit in units) if len(units) > 1 else ()
        ):
            answers = _answers(model, units, domain, test[domain], problem.tasks[name])
            for one, other in combinations(units, 2):
                if domain in (one.partition("/")[0], other.partition("/")[0]):
                    differing = int((answers[one] != answers[other]).sum())
                    counted.setdefault((one, other), []).append((differing, len(answers[one])))
    shares = [sum(n for n, _ in parts) / sum(n for _, n in parts) for parts in counted.values()]
    return fmean(shares) if shares else None


def _answers(
    model: Model, units: Sequence[str], domain: str, split: Split, task: Task
) -> dict[str, np.ndarray]:
    """The class [N] that each head of `units` gives the examples of `domain`."""
    inputs = as_batch(split, model.device).inputs
    model.eval()
    parts: dict[str, list[Tensor]] = {unit: [] for unit in units}
    with torch.no_grad():
        for part in torch.split(inputs, EVALUATION_BATCH):
            z = {trunk: trunk(part, domain) for trunk in {model.trunk_of(unit) for unit in units}}
            for unit in units:
                parts[unit].append(model.output(unit, z[model.trunk_of(unit)]))
    return {
        unit: predicted_class(task, torch.cat(outputs).cpu().numpy())
        for unit, outputs in parts.items()
    }
