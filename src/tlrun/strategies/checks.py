"""What a strategy refuses before anything starts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import as_node
from tlrun.core.task import Task, TaskKey, short_names
from tlrun.models.backbone import weights_file_of

if TYPE_CHECKING:
    from tlrun.core.objective import Schedule
    from tlrun.core.problem import Problem
    from tlrun.models.backbone import Backbone, TrainedPart


SEVERAL = 8  # tasks named one by one in a message


def several(problem: Problem, strategy: str) -> dict[TaskKey, Task]:
    """The tasks of a problem, by key.

    Raises UserError where there is but one, so that there is nothing to share. strategy: its name.
    """
    tasks = problem.task_keys
    if len(tasks) < 2:
        raise UserError(
            Mistake(
                "strategy",
                expected=f"two tasks or more for {strategy}",
                found=f"one, {', '.join(map(str, tasks))}",
                hint="try another data set, such as dataset=digits_tasks, or of a table "
                "dataset.predict=[one,two] or dataset.task=COLUMN",
            )
        )
    return tasks


def require_learning_towers(scope: str, backbone: Backbone) -> None:
    """Raises UserError where a tower would be no more than a head."""
    if scope == "towers" and not backbone.learns:
        raise UserError(
            Mistake(
                "strategy.scope",
                expected="a backbone with weights for scope=towers",
                found=as_node(backbone)["name"],
                hint="try {key}=heads",
            )
        )


def refuse_equal_towers(scope: str, train: TrainedPart) -> None:
    """Raises UserError where every tower would stay the φ that all start from."""
    if scope == "towers" and train == "head":
        raise UserError(
            Mistake(
                "strategy.scope",
                expected="heads with train=head",
                found="towers, which are one φ where φ is held fixed",
                hint="try {key}=heads, or {node}.train=last",
            )
        )


def held_at_random(train: TrainedPart, backbone: Backbone) -> tuple[str, ...]:
    """A line where what is held fixed of φ has learnt nothing, else none."""
    if train == "all" or not backbone.learns or weights_file_of(backbone) is not None:
        return ()
    name = as_node(backbone)["name"]
    why = f"backbone={name} starts from no pretrained weights"
    return (f"strategy.train={train}: {why}, so what is held fixed of φ is random",)


def finite(lam: Schedule, why: str, hint: str) -> None:
    """Raises UserError where λ is ∞ at any time. why: it will not do; hint: what will."""
    if any(math.isinf(lam.at(progress).value) for progress in (0.0, 0.5, 1.0)):
        raise UserError(
            Mistake("lam.value", expected="a finite λ", found=f"{lam.label}: {why}", hint=hint)
        )


def describe_tasks(tasks: Mapping[TaskKey, Task]) -> str:
    """The tasks and their heads, for a message: parity (binary), identity (10 classes)."""
    names = short_names(tasks)
    heads = [
        f"{names[key]} ({f'{task.outputs} classes' if task.kind == 'multiclass' else task.kind})"
        for key, task in tasks.items()
    ]
    more = f" and {len(heads) - SEVERAL} more" if len(heads) > SEVERAL else ""
    return ", ".join(heads[:SEVERAL]) + more


def one_shape(tasks: Mapping[TaskKey, Task]) -> bool:
    """Whether all heads have one shape and one kind of output.

    Then their weights can stand side by side, as the columns of W̃.
    """
    return len({(task.kind, task.outputs) for task in tasks.values()}) == 1


def one_label_space(tasks: Mapping[TaskKey, Task]) -> bool:
    """Whether the heads mean the same, entry by entry."""
    return len({task.name for task in tasks.values()}) == 1
