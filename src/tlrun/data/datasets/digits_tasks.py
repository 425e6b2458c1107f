"""Three tasks on the same images of scikit-learn's digits, one of each kind.

They ask which digit it is, whether it is even or odd, and how large it is. They share inputs, and
so one backbone pass, but no label space.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

from tlrun.core.options import Range
from tlrun.core.problem import Problem
from tlrun.core.seeding import stream
from tlrun.core.task import ClassificationMetric, Task
from tlrun.data.assembly import assemble
from tlrun.data.base import HoldoutFold, LabelsPerClass, Sealed, SplitSeed, TestShare, ValShare
from tlrun.data.datasets.digits import Shown, cut, images_and_digits
from tlrun.data.images.digits_file import digits_files

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class OneDomain(ABC):
    """Several tasks on the images of one domain, `digits`.

    labels_per_class: labelled images a digit, for training and validation together; each has a
        label of every task.
    hidden: the share of each task's labels that is then hidden at random, of every task on its own,
        in training and in validation. In training every value of a label is left at least once, so
        that nothing is tested unseen.
    val_share: the share of the labelled images that validate instead of train; where it is more
        than 0, at least one a digit.
    test_share: the share of the images that tests. Test examples are fixed by `split_seed`, and
        have every label.
    sealed: the share of the test rows that no run sees, for `tl-run final` (`data/sealed.py`).
    holdout_fold: k/K, such as 2/5: the k-th of K parts of the target's labels tests instead of the
        test set, which nobody sees (`data/holdout.py`); `tl-run deliver` makes such runs.
    """

    split_options: ClassVar[frozenset[str]] = frozenset({"test_share", "split_seed"})

    labels_per_class: LabelsPerClass = 5
    hidden: Annotated[float, Range(0.0, 0.95)] = 0.0
    val_share: ValShare = 0.0
    test_share: TestShare = 0.6
    split_seed: SplitSeed = 0
    sealed: Sealed = 0.0
    holdout_fold: HoldoutFold | None = None

    @abstractmethod
    def labels(self, digits: np.ndarray) -> Mapping[Task, np.ndarray]:
        """The tasks, each with the labels [N] of `digits` [N]."""

    def suits(self) -> Mapping[str, str]:
        """Its tasks are learnt together."""
        return {"strategy": "shared_parameters"}

    def files(self) -> Sequence[Path]:
        """The file that holds the digits."""
        return digits_files()

    def load(self, seed: int) -> Problem:
        """The problem as `seed` draws and hides its labels.

        Raises UserError where a digit has too few images.
        """
        from tlrun.data.splits import draw

        shown = _every()
        digits = shown.digits
        drawn = draw(
            digits,
            self.labels_per_class,
            self.val_share,
            self.test_share,
            stream(self.split_seed, "split", "digits"),
            seed,
        )
        labels = {
            task: self._hidden(task, values, drawn.train, drawn.val, seed)
            for task, values in self.labels(digits).items()
        }
        return assemble([cut("digits", "peer", shown, labels, drawn)])

    def _hidden(
        self, task: Task, values: np.ndarray, train: np.ndarray, val: np.ndarray, seed: int
    ) -> np.ndarray:
        """The labels [N] of a task, some of them hidden.

        Numbers are less the mean of the training labels that are left, over their deviation.
        """
        import numpy as np

        from tlrun.data.splits import hide

        numbers = task.kind == "regression"
        left = values.astype(np.float64 if numbers else np.int64)
        for part, rows, groups in (
            ("train", train, values[train]),
            ("val", val, np.zeros(len(val))),
        ):
            hidden = hide(groups, self.hidden, stream(seed, "labels", "hidden", part, task.name))
            left[rows[hidden]] = np.nan if numbers else -1
        return (left - np.nanmean(left[train])) / np.nanstd(left[train]) if numbers else left


@cache
def _every() -> Shown:
    """All images, before a seed has drawn labels of them."""
    import numpy as np

    images, digits = images_and_digits()
    return Shown.of(images, digits, np.arange(len(images)))


@dataclass(frozen=True)
class DigitsTasks(OneDomain):
    """The tasks of `dataset=digits_tasks`.

    identity  which of the ten digits (multiclass)
    parity    even or odd (binary, judged by auc)
    size      the digit as a number, less the mean of the training labels, over their sd
              (regression, judged by r2)

    metric: the primary metric of identity.
    """

    metric: ClassificationMetric = "accuracy"

    def labels(self, digits: np.ndarray) -> Mapping[Task, np.ndarray]:
        """Every task is a function of the digit."""
        return {
            Task("identity", "multiclass", tuple("0123456789"), self.metric): digits,
            Task("parity", "binary", ("even", "odd")): digits % 2,
            Task("size", "regression"): digits,
        }
