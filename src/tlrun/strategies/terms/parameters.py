"""The parameters of several tasks side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tlrun.core.objective import FEW, added
from tlrun.core.task import Task, TaskKey, tasks_by_key
from tlrun.strategies.checks import one_label_space

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.core.objective import Steps
    from tlrun.models.model import Model


def tasks_of(steps: Steps) -> dict[TaskKey, Task]:
    """The tasks that a step has drawn, by key, domain by domain."""
    return tasks_by_key({domain: step.tasks for domain, step in steps.items()})


def loss_terms(steps: Steps) -> dict[str, Tensor | float]:
    """L_i of every task of a step, as terms of an equation, by name.

    A term is called L_ and what sets its task apart from the others.
    """
    names = steps.names_of_tasks()
    return {f"L_{names[key]}": loss for key, loss in steps.losses().items()}


def side_by_side(model: Model, steps: Steps) -> Tensor:
    """W̃ [D, T]: what the tasks have for themselves, a column each, in the order of `tasks_of`.

    Their heads, without biases, in units of logits: rms(z)·w_t, where rms(z) is the root mean
    square of all features of this step, with gradient (1 where φ has no parameters, which cannot
    grow). Where each task has a tower, all parameters of its φ that are trained, and its head below
    them where all heads mean the same.
    """
    import torch

    from tlrun.strategies.terms.penalties import columns

    tasks = tasks_of(steps)
    towers = model.task_specific == "towers"
    parts: list[Tensor] = []
    if towers:
        free = [[p for p in model.trunk_of(key).parameters() if p.requires_grad] for key in tasks]
        parts += [torch.stack(alike).flatten(1).T for alike in zip(*free, strict=True)]
    if not towers or one_label_space(tasks):
        learns = any(True for _ in model.trunks.parameters())
        parts.append(
            columns([model.head_of(key).weight for key in tasks], rms(steps) if learns else 1.0)
        )
    return torch.cat(parts)


def rms(steps: Steps) -> Tensor:
    """√(mean z²) over all features of a step, of all domains and tasks alike."""
    import torch

    # tasks that share φ share z
    seen = {id(z): z for step in steps.values() for z in step.features.values()}
    alike: dict[torch.Size, list[Tensor]] = {}
    for z in seen.values():
        alike.setdefault(z.shape, []).append(z)
    squares = []
    for some in alike.values():
        if len(some) <= FEW:
            squares += [z.square().mean() for z in some]
        else:
            squares.append(torch.stack(some).square().mean() * len(some))
    tiny = torch.finfo(squares[0].dtype).tiny  # the root of 0 has no slope
    return (torch.as_tensor(added(squares)) / len(seen) + tiny).sqrt()
