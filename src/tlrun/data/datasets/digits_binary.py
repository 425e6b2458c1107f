"""Three yes-or-no questions about the same images of scikit-learn's digits, one head shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlrun.core.task import ClassificationMetric, Task
from tlrun.data.datasets.digits_tasks import OneDomain

if TYPE_CHECKING:
    import numpy as np

YES = {"odd": (1, 3, 5, 7, 9), "at_least_five": (5, 6, 7, 8, 9), "prime": (2, 3, 5, 7)}


@dataclass(frozen=True)
class DigitsBinary(OneDomain):
    """The tasks of `dataset=digits_binary`: is the digit odd, at least five, prime.

    Each has a head of one logit, where more means yes, so that heads can be compared entry by
    entry.

    metric: the primary metric of them all.
    """

    metric: ClassificationMetric = "accuracy"

    def labels(self, digits: np.ndarray) -> Mapping[Task, np.ndarray]:
        """1 where the answer is yes."""
        import numpy as np

        return {
            Task(name, "binary", ("no", "yes"), self.metric): np.isin(digits, yes)
            for name, yes in YES.items()
        }
