"""Schedules of λ over a stage: how strong the target's loss is in (L_S + λ L_T) / (1 + λ).

All but `constant` move α = λ/(1+λ), the weight of the target's loss, rather than λ itself: α is
finite where λ is ∞.

    α(p) = α₀ + (α₁ - α₀)·s(p),   α₀ = start/(1+start),   α₁ = value/(1+value)

p in (0, 1] is the progress of the stage, and s the shape that each class says.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated

from tlrun.core.objective import Lam
from tlrun.core.options import Range

GAMMA = 10.0  # steepness of the sigmoid, as published


def written(value: float) -> str:
    """A λ as names and tables write it: briefly, and no two alike."""
    brief = f"{value:g}"
    return brief if float(brief) == value else repr(value)


@dataclass(frozen=True)
class Constant:
    """λ(p) = `value` for every progress p.

    value: in [0, ∞]; 0 is the source alone, ∞ classical fine-tuning.
    """

    value: Annotated[float, Range(0.0)] = 1.0

    @property
    def label(self) -> str:
        """How it is written in names and tables."""
        return written(self.value)

    def at(self, progress: float) -> Lam:
        """λ at any progress."""
        return Lam(self.value)

    def always(self, value: float) -> bool:
        """Whether λ is `value` from the first step to the last."""
        return self.value == value


@dataclass(frozen=True)
class Ramp(ABC):
    """λ from `start` to `value`, each in [0, ∞], along s(p), which goes from s(0)=0 to s(1)=1.

    Where the two are equal, it is `Constant(value)`.
    """

    value: Annotated[float, Range(0.0)] = 1.0
    start: Annotated[float, Range(0.0)] = 0.0

    @staticmethod
    @abstractmethod
    def shape(progress: float) -> float:
        """s(p), with s(0)=0 and s(1)=1."""

    @property
    def label(self) -> str:
        """How it is written in names and tables."""
        return f"{type(self).__name__.lower()}-{written(self.start)}-{written(self.value)}"

    def at(self, progress: float) -> Lam:
        """λ at `progress` p in (0, 1], by way of α(p)."""
        if self.always(self.value):
            return Lam(self.value)
        start, end = Lam(self.start).alpha, Lam(self.value).alpha
        return Lam.weighing(start + (end - start) * self.shape(progress))

    def always(self, value: float) -> bool:
        """Whether λ is `value` from the first step to the last."""
        return self.start == self.value == value


class Linear(Ramp):
    """s(p) = p."""

    @staticmethod
    def shape(progress: float) -> float:
        """s(p) = p."""
        return progress


class Sigmoid(Ramp):
    """s(p) = (2/(1+exp(-γp)) - 1) / (2/(1+exp(-γ)) - 1), γ = 10: quick at first, then flat.

    Ganin et al., "Domain-adversarial training of neural networks" (JMLR 2016), section 5.2.2,
    anneal their λ_p so. Differs from the paper: it moves α, not λ, and is divided by its value at
    p=1 (0.99991), so that the schedule ends at `value` exactly.
    """

    @staticmethod
    def shape(progress: float) -> float:
        """s(p), which is 1 at p=1."""
        # tanh(x/2) = 2/(1+exp(-x)) - 1
        return math.tanh(GAMMA * progress / 2) / math.tanh(GAMMA / 2)


class Cosine(Ramp):
    """s(p) = (1 - cos πp)/2: slow at both ends."""

    @staticmethod
    def shape(progress: float) -> float:
        """s(p) = (1 - cos πp)/2."""
        return (1 - math.cos(math.pi * progress)) / 2
