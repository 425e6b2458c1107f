"""Parameter transfer: learn θ and w on the source, go on from them on the target.

    source stage   min_{θ,w} L_S(θ, w)
    target stage   min_{θ,w} (L_S(θ, w) + λ L_T(θ, w)) / (1 + λ),   starting from the source's θ and w

The seed's equation is L_S + λ L_T. Dividing by 1 + λ keeps the argmin, and makes step sizes
comparable along λ: at λ=0 the source stage just goes on, at λ=∞ only L_T is left, which is
classical fine-tuning (Pan and Yang, 2010, "parameter transfer"). Where the label spaces differ the
target's head is new, and the source keeps its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlrun.core.objective import Lam, Objective, Schedule, Steps
from tlrun.core.problem import Problem
from tlrun.strategies.base import Controls, Stage, Strategy
from tlrun.strategies.controls import transfer_controls
from tlrun.strategies.source_only import source_stage

if TYPE_CHECKING:
    from tlrun.models.model import Model


@dataclass(frozen=True)
class ParameterTransfer(Strategy):
    """θ, and w where source and target share a label space, are taken over; everything stays
    free.
    """

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        return (
            source_stage(problem, steps),
            Stage("target", problem.drawn(lam), steps, lam=lam, init="target"),
        )

    def inherit(self, stage: Stage, fresh: Model, previous: Model) -> Model:
        """θ, and the head of every task that the source stage had too; the other heads stay
        fresh.
        """
        fresh.load_backbone(previous)
        fresh.load_heads(previous)
        return fresh

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        L_S, L_T = steps.loss("source"), steps.loss("target")
        total = (1 - lam.alpha) * L_S + lam.alpha * L_T  # (L_S + λ L_T) / (1 + λ), as α = λ/(1+λ)
        return Objective(total, {"L_S": L_S, "L_T": L_T})

    def controls(self, problem: Problem) -> Controls:
        return transfer_controls(problem)
