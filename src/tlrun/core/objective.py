"""What an equation sees, λ and a step's losses, and what it gives: the objective.

Shapes: B examples in a batch, d features, k outputs of a head, T tasks. No torch at import.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tlrun.core.parts import whole
from tlrun.core.problem import Role
from tlrun.core.task import Task, TaskKey, short_names

if TYPE_CHECKING:
    from torch import Tensor


FEW = 8  # scalars that are summed as fast one after another


@dataclass(frozen=True)
class Lam:
    """λ of one step. value: λ itself, in [0, ∞]."""

    value: float

    @property
    def alpha(self) -> float:
        """α = λ/(1+λ) in [0, 1], 1 at λ=∞: the weight of the target's loss; the source's is 1-α."""
        return 1.0 if math.isinf(self.value) else self.value / (1.0 + self.value)

    @classmethod
    def weighing(cls, alpha: float) -> Lam:
        """λ = α/(1-α), the λ whose α is `alpha` in [0, 1]; ∞ at α=1."""
        return cls(math.inf if alpha >= 1.0 else alpha / (1.0 - alpha))


@dataclass(frozen=True)
class Step:
    """What one update sees of one domain: a batch of B of its examples. Mappings are by task name.

    role: of the domain. tasks: all of the domain.
    inputs: x [B, …], or what a part of φ that is held fixed has made of it.
    features: z [B, d] of each task; one and the same tensor where the tasks share φ.
    outputs: of each task, [B, k]: logits, or predictions of a number.
    losses: the scalar L_i of this batch, of each task that a training example has a label for.
    passed: how many modules of φ, in order, the inputs have been through already.
    """

    role: Role
    inputs: Tensor
    tasks: tuple[Task, ...]
    features: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    losses: Mapping[str, Tensor]
    passed: int = 0


@dataclass(frozen=True)
class Known:
    """What is the same in every step over some domains.

    keys: of every task of each, by their names. names: `short_names` of those keys.
    """

    keys: Mapping[str, Mapping[str, TaskKey]]
    names: Mapping[TaskKey, str]


class Steps(dict[str, Step]):
    """One `Step` per domain drawn, by the domain's name.

    known: what somebody has found already of these domains, if anything.
    """

    known: Known | None = None

    def loss(self, role: Role) -> Tensor | float:
        """The mean L_i over the tasks of the domains of `role`, a scalar.

        It is the plain number 0.0 where none of them is drawn, because λ gives them no weight.

        A mean, so that λ weighs a source of three domains and a target of one task as it weighs one
        and one.
        """
        losses: list[Tensor] = []
        for step in self.values():
            if step.role == role:
                losses.extend(step.losses.values())
        return added(losses) / len(losses) if losses else 0.0

    def losses(self) -> dict[TaskKey, Tensor]:
        """L_i, a scalar, of every task of every domain that has a label for it."""
        keys = self.keys_of_tasks()
        losses = {}
        for domain, step in self.items():
            own = keys[domain]
            for task, loss in step.losses.items():
                losses[own[task]] = loss
        return losses

    def keys_of_tasks(self) -> Mapping[str, Mapping[str, TaskKey]]:
        """The key of every task of every domain, by their names."""
        if self.known is not None and list(self) == list(self.known.keys):
            return self.known.keys
        return {
            domain: {task.name: TaskKey(domain, task.name) for task in step.tasks}
            for domain, step in self.items()
        }

    def names_of_tasks(self) -> Mapping[TaskKey, str]:
        """What each task is called among all of them (`short_names`)."""
        if self.known is not None and list(self) == list(self.known.keys):
            return self.known.names
        return short_names(key for own in self.keys_of_tasks().values() for key in own.values())


def added(scalars: Iterable[Tensor]) -> Tensor | float:
    """Their sum, a scalar; of none of them the plain number 0.0.

    Of many it is one sum of all, which for the gradient is one step too, and not one a scalar. They
    need not be copied for it where they are the parts of one tensor.
    """
    scalars = tuple(scalars)
    if len(scalars) <= FEW:
        return sum(scalars, start=0.0)
    import torch

    one = whole(scalars)
    return (torch.stack(scalars) if one is None else one).sum()


@dataclass(frozen=True)
class Objective:
    """The scalar that is minimised, and the raw terms it is made of.

    total: the scalar. terms: unweighted, by their names in the equation; a term that was not drawn
    is the plain number 0.0.
    updates: what the equation learns in closed form, by the name of the buffer in `Model.extras`
        that keeps it once the update of the weights is made.
    """

    total: Tensor | float
    terms: Mapping[str, Tensor | float]
    updates: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Relation:
    """What a strategy has learnt about its tasks.

    name: as in the equation. meaning: of a cell, in words.
    matrix: [T, T], a row and a column for each of `tasks`, in their order.
    """

    name: str
    meaning: str
    tasks: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]


class Schedule(Protocol):
    """λ over a stage's progress, from 0 before its first update to 1 at its last."""

    @property
    def label(self) -> str:
        """How λ is written in names and tables."""

    def at(self, progress: float) -> Lam:
        """λ at `progress` in [0, 1]."""

    def always(self, value: float) -> bool:
        """Whether λ is `value` from the first step to the last."""
