"""Terms by which tasks learn from predictions and features: of one another, or of a finished model.

B examples in a batch, k outputs of a head, d features. No gradient flows into a teacher.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812  # torch's own spelling

from tlrun.core.task import TaskKey
from tlrun.models.side_by_side import stacked
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
    spaces: dict[str, list[TaskKey]] = {}
    for key in tasks:
        spaces.setdefault(key.task, []).append(key)
    terms = []
    for keys in spaces.values():
        heads = [model.head_of(key) for key in keys]
        weights, biases = (
            stacked([head.weight.detach() for head in heads]),
            stacked([head.bias.detach() for head in heads]),
        )
        for place, key in enumerate(keys if len(keys) > 1 else ()):
            others = [k for k in range(len(keys)) if k != place]
            with torch.no_grad():
                if model.task_specific == "towers":
                    taught = _by_towers([keys[k] for k in others], key, steps, model)
                else:
                    z = steps[key.domain].features[key.task]
                    taught = (weights[others] @ z.T) + biases[others][:, :, None]
            terms.append(_mean_divergence(tasks[key], taught, steps[key.domain].outputs[key.task]))
    return torch.stack(terms).sum()


def _mean_divergence(task: Task, taught: Tensor, pupil: Tensor) -> Tensor:
    """The mean of `divergence` over S teachers, of their outputs [S, k, B] and the pupil's [B, k].

    An example a column, for the softmax of a few classes is then several times as fast.
    """
    if task.kind == "regression":
        return (taught - pupil.T).square().sum(dim=1).mean()
    if task.kind == "binary":  # two logits, one of them 0
        taught, pupil = F.pad(taught, (0, 0, 1, 0)), F.pad(pupil, (1, 0))
    p, q = taught.log_softmax(dim=1), pupil.log_softmax(dim=1).T
    return (p.exp() * (p - q)).sum(dim=1).mean()


def _by_towers(teachers: Sequence[TaskKey], pupil: TaskKey, steps: Steps, model: Model) -> Tensor:
    """The outputs [S, k, B] of S `teachers`, each by its own φ, on the inputs of `pupil`."""
    outputs = [model.output(other, _seen_by(other, pupil, steps, model)) for other in teachers]
    return torch.stack(outputs).transpose(1, 2)


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
