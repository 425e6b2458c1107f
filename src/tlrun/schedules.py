"""Schedules of λ over a stage, and with them the strength of the target's loss in (L_S + λ L_T)/(1+λ)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from tlrun.core import Lam
from tlrun.options import Range


@dataclass(frozen=True)
class Constant:
    """λ(p) = `value` for every progress p. value in [0, ∞]: 0 is the source alone, ∞ classical fine-tuning."""

    value: Annotated[float, Range(0.0)] = 1.0

    @property
    def label(self) -> str:
        return f"{self.value:g}"

    def at(self, progress: float) -> Lam:
        return Lam(self.value)

    def always(self, value: float) -> bool:
        return self.value == value
