"""What several models say together of the same rows. N rows, k classes.

Of each it is the mean by weight:

of classes  p = Σ_a w_a softmax(z_a / T_a)      of one logit, sigmoid(z_a / T_a)
of numbers  ŷ = Σ_a w_a ŷ_a                     in the unit of the task
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tlrun.core.task import Task
from tlrun.inference.member import Member


class Part(NamedTuple):
    """One of the models that answer a task: its weight w_a, the temperature T_a of its logits."""

    member: Member
    weight: float = 1.0
    temperature: float = 1.0


def combined(
    task: Task, parts: Sequence[Part], outputs: Callable[[Member], np.ndarray]
) -> np.ndarray:
    """Probabilities [N, k] of classes, or numbers [N]; float64.

    outputs: gives what a model says, logits or numbers, each [N, k].
    """
    answers: np.ndarray | None = None
    for part in parts:
        said = outputs(part.member).astype(np.float64)
        said = said[:, 0] if not task.classes else probabilities(task, said / part.temperature)
        answers = part.weight * said if answers is None else answers + part.weight * said
    assert answers is not None  # a task has at least one part
    return answers


def probabilities(task: Task, logits: np.ndarray) -> np.ndarray:
    """Of logits, float64 [N, k] or of two classes [N, 1], the probability of each class [N, k]."""
    from scipy.special import expit, softmax

    if task.kind == "binary":
        return np.concatenate([expit(-logits), expit(logits)], axis=1)
    found: np.ndarray = softmax(logits, axis=1)
    return found
