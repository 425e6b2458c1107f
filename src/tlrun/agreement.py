"""How far heads of one label space agree: what a penalty on their relation is meant to move."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from statistics import fmean
from typing import TYPE_CHECKING

import torch

from tlrun.data.batches import as_batch
from tlrun.metrics import predicted_class
from tlrun.trainer import EVALUATION_BATCH

if TYPE_CHECKING:
    import numpy as np

    from tlrun.model import Model
    from tlrun.problem import Problem, Split


def disagreement(model: Model, problem: Problem, test: Mapping[str, Split]) -> float | None:
    """The mean, over pairs of tasks of one label space, of the share of their test inputs that they answer differently.

    Both heads answer the inputs of both domains; no label is looked at. None where no two heads stand for one label
    space, or they answer with numbers.
    """
    if model.own == "nothing":
        return None
    units = {unit: task for unit, task in problem.units.items() if model.answers(unit) and task.kind != "regression"}
    shares = []
    for (one, task), (other, same) in combinations(units.items(), 2):
        if task.name == same.name:
            domains = dict.fromkeys(unit.partition("/")[0] for unit in (one, other))
            answers = [
                [predicted_class(task, _outputs(model, unit, name, test[name])) for unit in (one, other)]
                for name in domains
            ]
            differing = sum(int((first != second).sum()) for first, second in answers)
            shares.append(differing / sum(len(first) for first, _ in answers))
    return fmean(shares) if shares else None


def _outputs(model: Model, unit: str, domain: str, split: Split) -> np.ndarray:
    """What the head of `unit` answers [N, k] to the examples of `domain`."""
    inputs = as_batch(split, model.device).inputs
    model.eval()
    with torch.no_grad():
        parts = [
            model.output(unit, model.trunk_of(unit)(part, domain)) for part in torch.split(inputs, EVALUATION_BATCH)
        ]
    return torch.cat(parts).cpu().numpy()
