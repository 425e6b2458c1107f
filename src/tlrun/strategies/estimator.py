"""The protocol of a method from outside: an estimator of scikit-learn, fitted at once, untuned.

It is a control: what a transfer or a network has to beat to be worth its while. It has no stages,
no λ and no φ, and ignores backbone, optimizer and trainer. It learns from the rows of training and
validation together, for both are bought and it chooses nothing; so it has no validation score.
Shapes: N rows, d inputs, k outputs of a task's head.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from tlrun.core.inputs import Kind
from tlrun.core.objective import Lam, Objective, Schedule, Steps
from tlrun.core.problem import Problem, Role
from tlrun.core.task import Task
from tlrun.strategies.base import Stage, Strategy

if TYPE_CHECKING:
    import numpy as np

    from tlrun.models.model import Model


@dataclass(frozen=True, eq=False)
class Documents:
    """N texts, as an estimator reads them that takes tokens.

    texts: as they were read; where they are not at hand, the ids of their tokens, as words.
    domains: float64 [N, k], for each text 1 in the column of its domain and 0 in the others; k is 0
    where all are of one domain.
    """

    texts: Sequence[str]
    domains: np.ndarray

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Fitted:
    """What an estimator has learnt of one task.

    outputs: gives, of the inputs of N rows, such as it was fitted on, logits [N, k] or standardised
    numbers [N, 1], as a head would.
    weights: its coefficients by name; empty where it has none. warnings: what a user should know of
    it, each in words that other tasks may share.
    """

    outputs: Callable[[Any], np.ndarray]
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class EstimatorStrategy(Strategy):
    """Base of all estimators.

    rows: `own`, each task of each domain is learnt from its own rows alone; `pooled`, from the rows
        of every domain that has it, with the domain as further inputs of 0 and 1.
    takes: the kinds of inputs that it can learn from.
    """

    rows: Literal["own", "pooled"] = "own"
    ignores: ClassVar[frozenset[str]] = frozenset({"lam", "backbone", "optimizer", "trainer"})
    needs: ClassVar[tuple[Role, ...]] = ()
    takes: ClassVar[tuple[Kind, ...]] = ("vector", "image")

    @abstractmethod
    def fit(self, task: Task, inputs: Any, labels: np.ndarray, seed: int) -> Fitted:
        """Learn a task.

        inputs: float64 [N, d] of vectors and images, `Documents` of texts. labels: [N], all
        present: at least two different classes, or numbers, standardised. seed: of what it draws at
        random.
        """

    def stages(self, problem: Problem, lam: Schedule, steps: int) -> Sequence[Stage]:
        """None: nothing is trained in steps."""
        return ()

    def objective(self, steps: Steps, model: Model, lam: Lam) -> Objective:
        """Raises TypeError: without a stage there is no step whose objective it could be."""
        raise TypeError(f"{type(self).__name__} is fitted at once: it has no objective of a step")


def absent_logs(k: int, present: int, n: int) -> tuple[float, float]:
    """log 1/(n + k), of a class that n rows did not have, and the log of what the others share.

    k: all classes. present: how many of them the rows had.
    """
    import numpy as np

    return -float(np.log(n + k)), float(np.log1p(-(k - present) / (n + k)))


def as_head(task: Task, present: Sequence[int], logits: np.ndarray, n: int) -> np.ndarray:
    """Logits [N, k] of a head, of those of an estimator that has seen some classes only.

    present: the classes, in order; logits: one each [N, len(present)], or of two classes that of
    the second alone [N], as scikit-learn gives it. n: the rows that were learnt from. A class that
    was never seen gets the probability 1/(n + k), so that no loss is infinite.
    """
    import numpy as np
    from scipy.special import log_softmax

    if logits.ndim == 1:
        logits = np.stack([np.zeros_like(logits), logits], axis=1)
    k = len(task.classes)
    absent, seen = absent_logs(k, len(present), n)
    heads = np.full((len(logits), k), absent)
    heads[:, list(present)] = log_softmax(logits, axis=1) + seen
    return heads[:, 1:] - heads[:, :1] if task.kind == "binary" else heads
