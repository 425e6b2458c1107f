"""Numbers that are not finite: found before anything made of them is kept.

The loss is looked at in every step (`training/loop.py`), weights whenever they are about to be kept
or measured. A gradient is not looked at by itself, which would cost up to 4 % of a step, and on an
accelerator a wait: an update leaves a weight that is not finite where its gradient is not, and no
later one mends it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from tlrun.core.errors import SMALLER_LR, RunFailed
from tlrun.core.problem import Split, known
from tlrun.core.task import Task, TaskKey
from tlrun.strategies.base import Stage

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.models.model import Model
    from tlrun.training.evaluation import Scores


def check_finite(model: Model, stage: Stage, step: int) -> None:
    """Raise RunFailed where a weight or a buffer of `model`, after `step` updates, is not finite.

    To be called before the weights are kept. It reads every one of them once.
    """
    broken = not_finite(model)
    if broken is not None:
        why = f"expected a finite weight {broken}; the losses up to this step were finite"
        raise RunFailed(f"{where(stage, step)}: {why}; {SMALLER_LR}")


def where(stage: Stage, step: int) -> str:
    """The place of a step, as a sentence begins with it."""
    return f"stage {stage.name}, step {step}, λ={stage.lam.label}"


def not_finite(model: Model) -> str | None:
    """The first weight or buffer that is not finite, by its name, with its value; None if all are.

    And whether the gradient of the last update was so too, where that is still there.
    """
    tensors: dict[str, Tensor] = model.state_dict()
    tensors = {name: each for name, each in tensors.items() if each.is_floating_point()}
    name = first_not_finite(tensors)
    if name is None:
        return None
    said = f"{name}, found {_value(tensors[name])}"
    gradient = dict(model.named_parameters()).get(name, tensors[name]).grad
    if gradient is not None and not bool(gradient.isfinite().all()):
        said += f", as its gradient was ({_value(gradient)})"
    return said


def first_not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the first of floating-point `tensors` with a number that is not finite."""
    if not tensors:
        return None
    # several times as fast as a look at each number; what it cannot tell is looked at
    sums = [each.sum(dtype=torch.float64) for each in tensors.values()]
    if math.isfinite(float(torch.stack(sums).sum())):
        return None
    return next((name for name, t in tensors.items() if not bool(t.isfinite().all())), None)


def check_answers(
    domain: str, tasks: Sequence[Task], split: Split, outputs: Mapping[str, Tensor], scores: Scores
) -> None:
    """Raise RunFailed where an output for a split, or the loss of labels there, is not finite.

    outputs, scores: of `tasks` on the split of `domain`, as `evaluation.scored` gives them.
    """
    for task in tasks:
        key = TaskKey(domain, task.name)
        wrong = ~outputs[task.name].isfinite().flatten(1).all(dim=1).numpy()
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            value = _value(outputs[task.name][row])
            found = f"{value} for {wrong.sum()} of {len(wrong)} examples"
            raise RunFailed(f"{key}: expected finite outputs, found {found}; {SMALLER_LR}")
        if scores[str(key)]["loss"] is None and known(split.labels[task.name]).any():
            raise RunFailed(f"{key}: expected a finite loss, found one too large; {SMALLER_LR}")


def _value(tensor: Tensor) -> float:
    """The first number in a tensor that is not finite."""
    return float(tensor[~tensor.isfinite()].flatten()[0])
