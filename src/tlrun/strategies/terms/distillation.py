"""Terms by which tasks learn from predictions and features: of one another, or of a finished model.

B examples in a batch, k outputs of a head, d features. No gradient flows into a teacher.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812  # torch's own spelling

from tlrun.strategies.terms.parameters import tasks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from tlrun.core.objective import Steps
    from tlrun.core.problem import Task
    from tlrun.models.model import Model


def divergence(task: Task, teacher: Tensor, pupil: Tensor) -> Tensor:
    """KL(teacher ‖ pupil), the mean over a batch, of outputs [B, k]: logits, or predictions of a
    number.

    Of the softmax (multiclass), of the two answers (binary), and of normal distributions of
    variance 1/2 (regression), which is the squared difference, as the loss of a number is.
    """
    if task.kind == "regression":
        return (teacher - pupil).square().sum(dim=1).mean()
    if task.kind == "binary":  # two logits, one of them 0
        teacher, pupil = (F.pad(logit, (1, 0)) for logit in (teacher, pupil))
    return F.kl_div(
        pupil.log_softmax(dim=1), teacher.log_softmax(dim=1), reduction="batchmean", log_target=True
    )


def from_teacher(steps: Steps, teacher: Model) -> Tensor:
    """Σ_t KL(sg(p_t of the teacher) ‖ p_t), every task from its own head in a finished model."""
    terms = []
    for name, step in steps.items():
        with torch.no_grad():
            z = teacher.features(step.inputs, name, step.tasks)
            answers = {
                task.name: teacher.output(f"{name}/{task.name}", z[task.name])
                for task in step.tasks
            }
        terms += [
            divergence(task, answers[task.name], step.outputs[task.name]) for task in step.tasks
        ]
    return torch.stack(terms).sum()


def of_outputs(steps: Steps, model: Model) -> Tensor:
    """Σ_t mean_{s≠t} KL(sg(p_s) ‖ p_t) on the inputs of t, s the other tasks of t's label space."""
    units = tasks_of(steps)
    terms = []
    for unit, task in units.items():
        name, _, _ = unit.partition("/")
        teachers = [
            other for other, same in units.items() if other != unit and same.name == task.name
        ]
        if teachers:
            with torch.no_grad():
                answers = _answers(teachers, unit, steps, model)
            pupil = steps[name].outputs[task.name].repeat(len(teachers), 1)
            # the mean over teachers and inputs at once
            terms.append(divergence(task, answers.flatten(0, 1), pupil))
    return torch.stack(terms).sum()


def _answers(teachers: Sequence[str], pupil: str, steps: Steps, model: Model) -> Tensor:
    """What the heads of `teachers` [S] answer, [S, B, k], to the inputs of the task `pupil`."""
    if model.task_specific == "towers":
        return torch.stack(
            [model.output(other, _seen_by(other, pupil, steps, model)) for other in teachers]
        )
    name, _, task = pupil.partition("/")
    heads = [model.head_of(other) for other in teachers]
    weights, biases = (
        torch.stack([head.weight for head in heads]),
        torch.stack([head.bias for head in heads]),
    )
    return torch.einsum("bd,skd->sbk", steps[name].features[task], weights) + biases[:, None]


def of_features(steps: Steps, model: Model) -> Tensor:
    """Σ_t mean_{s≠t} ‖A_ts z_t/‖A_ts z_t‖ - sg(z_s)/‖z_s‖‖² on the inputs of t, averaged; A is in
    `extras`.
    """
    units = list(model.heads)
    A = model.extras.get_parameter("A")
    terms = []
    for t, unit in enumerate(units):
        name, _, task = unit.partition("/")
        z = steps[name].features[task]
        for s, other in enumerate(units):
            if s != t:
                with torch.no_grad():
                    seen = _seen_by(other, unit, steps, model)
                gap = F.normalize(z @ A[t, s].T, dim=1) - F.normalize(seen.detach(), dim=1)
                terms.append(gap.square().sum(dim=1).mean() / (len(units) - 1))
    return torch.stack(terms).sum()


def _seen_by(teacher: str, pupil: str, steps: Steps, model: Model) -> Tensor:
    """z [B, d] of the inputs of the task `pupil` by the φ of `teacher`."""
    name, _, task = pupil.partition("/")
    if model.task_specific != "towers":
        return steps[name].features[task]
    owner, _, theirs = teacher.partition("/")
    if owner == name:  # the pass is made already
        return steps[name].features[theirs]
    return model.trunk_of(teacher)(steps[name].inputs, name, aside=True)  # type: ignore[no-any-return]  # a module gives what it gives
