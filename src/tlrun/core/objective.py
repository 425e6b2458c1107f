"""What an equation sees, λ and a step's losses, and what it gives. No torch at import.

Shapes: B examples in a batch, d features, k outputs of a head, T tasks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from tlrun.core.problem import Role, Task, TaskKey

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Lam:
    """λ of one step, in [0, ∞]. `alpha` = α = λ/(1+λ) in [0, 1] weighs the target's loss, 1-α the
    source's.
    """

    value: float

    @property
    def alpha(self) -> float:
        return 1.0 if math.isinf(self.value) else self.value / (1.0 + self.value)

    @classmethod
    def weighing(cls, alpha: float) -> Lam:
        """λ = α/(1-α), the λ whose `alpha` is α; ∞ at α=1."""
        return cls(math.inf if alpha >= 1.0 else alpha / (1.0 - alpha))


@dataclass(frozen=True)
class Step:
    """What one update sees of one domain. losses: per task with a label in it, the scalar L_i of
    this batch.
    """

    role: Role
    inputs: Tensor  # x [B, …], or z where φ is held fixed and its features are known
    tasks: tuple[Task, ...]
    features: Mapping[str, Tensor]  # z [B, d] per task; one and the same where the tasks share φ
    outputs: Mapping[str, Tensor]  # per task [B, k]
    losses: Mapping[str, Tensor]


class Steps(dict[str, Step]):
    """One `Step` per domain drawn."""

    def loss(self, role: Role) -> Tensor | float:
        """The mean L_i over the tasks of the domains of `role`; the plain number 0.0 where λ leaves
        them undrawn.

        A mean, so that λ weighs a source of three domains and a target of one task as it weighs one
        and one.
        """
        losses = [
            loss for step in self.values() if step.role == role for loss in step.losses.values()
        ]
        return sum(losses, start=0.0) / len(losses) if losses else 0.0

    def losses(self) -> dict[TaskKey, Tensor]:
        """L_i of every task of every domain that has a label for it."""
        return {
            TaskKey(domain, task): loss
            for domain, step in self.items()
            for task, loss in step.losses.items()
        }


@dataclass(frozen=True)
class Objective:
    """The scalar that is minimised, and the raw terms it is made of. A term that was not drawn is a
    plain 0.0.

    updates: what the equation learns in closed form beside them, by the name of the buffer in
    `Model.extras` that keeps it once the update is made.
    """

    total: Tensor | float
    terms: Mapping[str, Tensor | float]
    updates: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Relation:
    """What a strategy has learnt about its tasks. matrix: [T, T], a row and a column for each of
    `tasks`.
    """

    name: str  # as in the equation
    meaning: str
    tasks: tuple[str, ...]
    matrix: tuple[tuple[float, ...], ...]


class Schedule(Protocol):
    """λ over a stage's progress."""

    @property
    def label(self) -> str:
        """How λ is written in names and tables."""

    def at(self, progress: float) -> Lam:
        """λ at `progress` in [0, 1]."""

    def always(self, value: float) -> bool:
        """Whether λ is `value` from the first step to the last."""
