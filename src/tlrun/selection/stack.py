"""From what arms say of held-out rows to how they answer together, task by task.

Shapes: n held-out rows, N other rows, A arms, K classes, k outputs of a head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tlrun.core.metrics import TABLE, primary, score
from tlrun.core.task import Task
from tlrun.inference.combined import probabilities
from tlrun.selection.held_out import HeldOut
from tlrun.selection.stacking import (
    PRIOR,
    log_chances,
    number_weights,
    pool_weight,
    temperature_of,
)

LEAST = 1e-3  # of numbers, an arm of less weight is left out
# Of classes, all others are left out where they have less together: there the gain is small, and
# the risk is not.
LEAST_POOLED = 0.25


@dataclass(frozen=True)
class Stack:
    """How A arms answer one task: weights [A], whose sum is 1; temperatures [A], 1 of numbers."""

    weights: np.ndarray
    temperatures: np.ndarray

    @property
    def used(self) -> np.ndarray:
        """The places of the arms that have a weight, the heaviest first."""
        order: np.ndarray = np.argsort(-self.weights, kind="stable")
        used: np.ndarray = order[self.weights[order] > 0]
        return used

    def outputs(self, task: Task, of_arms: Sequence[np.ndarray]) -> np.ndarray:
        """What the stack says, as a head would, float64 [N, k]. of_arms: outputs [N, k] of each."""
        if task.kind == "regression":
            numbers = np.zeros_like(of_arms[0], dtype=np.float64)
            for arm in self.used:
                numbers += self.weights[arm] * of_arms[arm]
            return numbers
        chances = np.zeros((len(of_arms[0]), len(task.classes)))
        for arm in self.used:
            logits = of_arms[arm].astype(np.float64) / self.temperatures[arm]
            chances += self.weights[arm] * probabilities(task, logits)
        logs = np.log(np.maximum(chances, 1e-300))
        said: np.ndarray = logs[:, 1:] - logs[:, :1] if task.outputs == 1 else logs
        return said


def fit(task: Task, held: HeldOut, safe: int, prior: float = PRIOR) -> Stack:
    """The safe stack: a temperature an arm, then weights (`stacking`). safe: the place of scratch.

    Of classes, scratch answers alone where all others together have a weight below 0.25, and an arm
    that says the same of every row is none of them. Of numbers, an arm of a weight below 0.001 is
    left out, and what it had is shared among the others.
    """
    count = len(held.outputs)
    temperatures = np.ones(count)
    if task.kind == "regression":
        answers = np.concatenate(held.outputs, axis=1)
        weights = number_weights(answers, held.labels.astype(np.float64), safe, prior)
        weights = np.where(weights < LEAST, 0.0, weights)
    else:
        temperatures = np.array([temperature_of(each, held.labels) for each in held.outputs])
        weights = _pooled(held, temperatures, safe, prior)
    return Stack(weights / weights.sum(), temperatures)


def _pooled(held: HeldOut, temperatures: np.ndarray, safe: int, prior: float) -> np.ndarray:
    """Of classes: the weight of all others, the same for each."""
    chances = [
        np.exp(log_chances(each, t)) for each, t in zip(held.outputs, temperatures, strict=True)
    ]
    first = held.fold == held.fold[0]  # of one model
    others = [
        place
        for place, each in enumerate(held.outputs)
        if place != safe and bool(np.ptp(each[first], axis=0).any())
    ]
    weights = np.zeros(len(chances))
    weights[safe] = 1.0
    if not others:
        return weights
    pooled = np.mean([chances[place] for place in others], axis=0)
    weight = pool_weight(chances[safe], pooled, held.labels, prior)
    if weight >= LEAST_POOLED:
        weights[others] = weight / len(others)
        weights[safe] = 1 - weight
    return weights


def alone(count: int, arm: int) -> Stack:
    """One of `count` arms, as it is."""
    weights = np.zeros(count)
    weights[arm] = 1.0
    return Stack(weights, np.ones(count))


def cross_fitted(task: Task, held: HeldOut, safe: int, prior: float = PRIOR) -> np.ndarray:
    """What the stack says of each held-out row, by weights fitted without the row's part [n, k]."""
    said = np.empty_like(held.outputs[0], dtype=np.float64)
    for fold in np.unique(held.fold):
        mine = held.fold == fold
        stack = fit(task, held.select(~mine), safe, prior)
        said[mine] = stack.outputs(task, [each[mine] for each in held.outputs])
    return said


def best_single(task: Task, held: HeldOut, safe: int, cost: Sequence[float]) -> int:
    """The place of the arm with the best held-out accuracy, or metric of numbers.

    At ties it is scratch, else the one of the least `cost` [A].
    """
    metric = "accuracy" if task.kind != "regression" else primary(task)
    scores = []
    for outputs in held.outputs:
        found = score(metric, task, outputs, held.labels)
        good = -np.inf if found is None else found if TABLE[metric].higher_is_better else -found
        scores.append(good)
    order = sorted(range(len(scores)), key=lambda arm: (-scores[arm], arm != safe, cost[arm]))
    return order[0]


def without(held: HeldOut, arms: Sequence[int]) -> HeldOut:
    """The same rows, said by some of the arms only."""
    return replace(held, outputs=tuple(held.outputs[arm] for arm in arms))
