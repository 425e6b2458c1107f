"""Tasks that learn together: whether their parameters can be compared, and those parameters side by side.

A task of multi-task learning is a task of one domain, named `domain/task`: three domains with one label space are three
tasks, and so are three questions about one domain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tlrun.errors import UserError
from tlrun.problem import Task, short_names

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.core import Backbone, Schedule, Steps
    from tlrun.model import Model
    from tlrun.problem import Problem

SEVERAL = 8  # tasks named one by one in a message


def several(problem: Problem, strategy: str) -> dict[str, Task]:
    """The tasks of a problem. Raises UserError where there is but one, and nothing to share."""
    units = problem.units
    if len(units) < 2:
        raise UserError(
            f"strategy: {strategy} expects two tasks or more, found one, {', '.join(units)}; try another data "
            "set, such as dataset=digits_tasks, or of a table dataset.predict=[one,two] or dataset.task=COLUMN"
        )
    return units


def check_scope(scope: str, backbone: Backbone) -> None:
    """Raises UserError where a tower would be no more than a head."""
    if scope == "towers" and not backbone.learns:
        raise UserError("strategy.scope: towers expects a backbone with weights; try strategy.scope=heads")


def finite(lam: Schedule, why: str) -> None:
    """Raises UserError where λ is ∞ at any time."""
    if any(math.isinf(lam.at(progress).value) for progress in (0.0, 0.5, 1.0)):
        raise UserError(f"lam.value: expected a finite λ, found {lam.label}: {why}")


def told(units: Mapping[str, Task]) -> str:
    """The tasks and their heads, for a message: parity (binary), identity (10 classes)."""
    names = short_names(units)
    heads = [
        f"{names[unit]} ({f'{task.outputs} classes' if task.kind == 'multiclass' else task.kind})"
        for unit, task in units.items()
    ]
    return ", ".join(heads[:SEVERAL]) + (f" and {len(heads) - SEVERAL} more" if len(heads) > SEVERAL else "")


def one_shape(units: Mapping[str, Task]) -> bool:
    """Whether the heads have one shape and one kind of output, so that their weights can stand side by side."""
    return len({(task.kind, task.outputs) for task in units.values()}) == 1


def one_label_space(units: Mapping[str, Task]) -> bool:
    """Whether the heads mean the same, entry by entry."""
    return len({task.name for task in units.values()}) == 1


def tasks_of(steps: Steps) -> dict[str, Task]:
    """The tasks that a step has drawn."""
    return {f"{name}/{task.name}": task for name, step in steps.items() for task in step.tasks}


def as_terms(steps: Steps) -> dict[str, Tensor | float]:
    """L_i of every task of a step, as terms of an equation: each called by what sets its task apart."""
    names = short_names(tasks_of(steps))
    return {f"L_{names[unit]}": loss for unit, loss in steps.losses().items()}


def side_by_side(model: Model, steps: Steps) -> Tensor:
    """W̃ [D, T]: what the tasks have for themselves, a column each, in the order of `tasks_of`.

    Their heads, without biases, in units of logits: rms(z)·w_t, where rms(z) is the root mean square of all features of
    this step, with gradient (1 where φ has no parameters, which cannot grow). Where each task has a tower, all
    parameters of its φ, and its head below them where all heads mean the same.
    """
    import torch

    from tlrun.penalties import columns

    units = tasks_of(steps)
    towers = model.own == "towers"
    parts: list[Tensor] = []
    if towers:
        stacked = [torch.cat([p.flatten() for p in model.trunk_of(unit).parameters()]) for unit in units]
        parts.append(torch.stack(stacked, dim=1))
    if not towers or one_label_space(units):
        learns = any(True for _ in model.trunks.parameters())
        parts.append(columns([model.head_of(unit).weight for unit in units], rms(steps) if learns else 1.0))
    return torch.cat(parts)


def rms(steps: Steps) -> Tensor:
    """√(mean z²) over all features of a step, of all domains and tasks alike."""
    import torch

    seen = {id(z): z for step in steps.values() for z in step.features.values()}  # tasks that share φ share z
    squares = [z.square().mean() for z in seen.values()]
    tiny = torch.finfo(squares[0].dtype).tiny  # the root of 0 has no slope
    return (sum(squares, start=torch.zeros_like(squares[0])) / len(squares) + tiny).sqrt()
