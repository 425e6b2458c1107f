"""Terms by which tasks learn from predictions and features: of one another, or of a finished model.

B examples in a batch, k outputs of a head, d features. No gradient flows into a teacher.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812  # torch's own spelling

from tlrun.core.task import TaskKey
from tlrun.strategies.terms.parameters import tasks_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from tlrun.core.objective import Steps
    from tlrun.core.task import Task
    from tlrun.models.model import Model


def divergence(task: Task, teacher: Tensor, pupil: Tensor) -> Tensor:
    """KL(teacher ‖ pupil), the mean over a batch, of outputs [B, k].

    They are logits, or predictions of a number.

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
    for domain, step in steps.items():
        with torch.no_grad():
            z = teacher.features(step.inputs, domain, step.tasks, step.passed)
            taught = {
                task.name: teacher.output(TaskKey(domain, task.name), z[task.name])
                for task in step.tasks
            }
        terms += [
            divergence(task, taught[task.name], step.outputs[task.name]) for task in step.tasks
        ]
    return torch.stack(terms).sum()


def of_outputs(steps: Steps, model: Model) -> Tensor:
    """Σ_t mean_{s≠t} KL(sg(p_s) ‖ p_t) on the inputs of t, s the other tasks of t's label space."""
    tasks = tasks_of(steps)
    terms = []
    for key, task in tasks.items():
        teachers = [other for other in tasks if other.task == key.task and other != key]
        if teachers:
            with torch.no_grad():
                taught = _outputs(teachers, key, steps, model)
            pupil = steps[key.domain].outputs[key.task].repeat(len(teachers), 1)
            # the mean over teachers and inputs at once
            terms.append(divergence(task, taught.flatten(0, 1), pupil))
    return torch.stack(terms).sum()


def _outputs(teachers: Sequence[TaskKey], pupil: TaskKey, steps: Steps, model: Model) -> Tensor:
    """The outputs [S, B, k] of the heads of S `teachers` on the inputs of the task `pupil`."""
    if model.task_specific == "towers":
        return torch.stack(
            [model.output(other, _seen_by(other, pupil, steps, model)) for other in teachers]
        )
    heads = [model.head_of(other) for other in teachers]
    weights, biases = (
        torch.stack([head.weight for head in heads]),
        torch.stack([head.bias for head in heads]),
    )
    z = steps[pupil.domain].features[pupil.task]
    return torch.einsum("bd,skd->sbk", z, weights) + biases[:, None]


def of_features(steps: Steps, model: Model) -> Tensor:
    """Σ_t mean_{s≠t} ‖A_ts z_t/‖A_ts z_t‖ - sg(z_s)/‖z_s‖‖², the mean over the inputs of t.

    A [T, T, d, d] is a parameter of `model.extras`; z_t [B, d] are the features of task t.
    """
    keys = model.head_keys
    A = model.extras.get_parameter("A")
    terms = []
    for t, key in enumerate(keys):
        z = steps[key.domain].features[key.task]
        for s, other in enumerate(keys):
            if s != t:
                with torch.no_grad():
                    seen = _seen_by(other, key, steps, model)
                gap = F.normalize(z @ A[t, s].T, dim=1) - F.normalize(seen.detach(), dim=1)
                terms.append(gap.square().sum(dim=1).mean() / (len(keys) - 1))
    return torch.stack(terms).sum()


def _seen_by(teacher: TaskKey, pupil: TaskKey, steps: Steps, model: Model) -> Tensor:
    """z [B, d] of the inputs of the task `pupil` by the φ of `teacher`."""
    step = steps[pupil.domain]
    if model.task_specific != "towers":
        return step.features[pupil.task]
    if teacher.domain == pupil.domain:  # the pass is made already
        return step.features[teacher.task]
    z: Tensor = model.trunk_of(teacher)(
        step.inputs, pupil.domain, update_stats=False, passed=step.passed
    )
    return z
