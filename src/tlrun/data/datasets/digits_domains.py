"""One task on three domains of scikit-learn's digits: under noise, under a patch, and inverted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal, get_args

from tlrun.core.problem import Problem, Role
from tlrun.core.seeding import stream
from tlrun.core.task import ClassificationMetric, Task
from tlrun.data.assembly import Part, assemble
from tlrun.data.base import (
    HoldoutFold,
    LabelsPerClass,
    Sealed,
    SplitSeed,
    TestShare,
    ValShare,
    checked_sources,
)
from tlrun.data.datasets.digits import SHIFTS, Shown, cut, images_and_digits
from tlrun.data.images.digits_file import digits_files

Name = Literal["noise", "occlusion", "inverted"]


@dataclass(frozen=True)
class DigitsDomains:
    """The domains of `dataset=digits_domains`, each with the task `digit`.

    Every third image, from the first, second or third on, is of one domain, under the shift of its
    name in `dataset=digits`. Images of one writer stand together in the data set, so this gives
    each domain every hand, and nothing but the shift tells the domains apart.

    target: the domain that the others are sources for, which then keep all their labels; None for
        three equals.
    sources: those of the others that are read; None: both.
    labels_per_class: labelled examples a class, for training and validation together, of each
        domain but a source.
    val_share: the share of each domain's labels that validate instead of train; where it is more
        than 0, at least one a class.
    test_share: the share of each domain that tests. Test examples and shifts are fixed by
        `split_seed`, and are the same whichever domain is the target.
    sealed: the share of the test rows that no run sees, for `tl-run final` (`data/sealed.py`).
    holdout_fold: k/K, such as 2/5: the k-th of K parts of the target's labels tests instead of the
        test set, which nobody sees (`data/holdout.py`); `tl-run deliver` makes such runs.
    metric: the primary metric.
    """

    split_options: ClassVar[frozenset[str]] = frozenset({"test_share", "split_seed"})

    target: Name | None = None
    sources: tuple[Name, ...] | None = None
    labels_per_class: LabelsPerClass = 5
    val_share: ValShare = 0.0
    test_share: TestShare = 0.6
    split_seed: SplitSeed = 0
    sealed: Sealed = 0.0
    holdout_fold: HoldoutFold | None = None
    metric: ClassificationMetric = "accuracy"

    def __post_init__(self) -> None:
        # one form for all spellings, for runs are known by their options
        object.__setattr__(self, "sources", checked_sources(self.sources, self.target))

    def suits(self) -> Mapping[str, str]:
        """A transfer to the target; without one, what learns all domains together."""
        return {"strategy": "shared_parameters" if self.target is None else "feature_transfer"}

    def files(self) -> Sequence[Path]:
        """The file that holds the digits."""
        return digits_files()

    def load(self, seed: int) -> Problem:
        """The problem as `seed` draws its labels.

        Raises UserError where a class has too few examples.
        """
        return assemble(
            [
                self._part(name, seed)
                for name in get_args(Name)
                if self.sources is None or name in (*self.sources, self.target)
            ]
        )

    def _part(self, name: Name, seed: int) -> Part:
        """One domain and its test examples."""
        from tlrun.data.splits import draw

        role: Role = (
            "peer" if self.target is None else "target" if name == self.target else "source"
        )
        shown = _third(name, self.split_seed)
        digits = shown.digits
        count = None if role == "source" else self.labels_per_class
        tests = stream(self.split_seed, "split", name)
        drawn = draw(digits, count, self.val_share, self.test_share, tests, seed, name)
        task = Task("digit", "multiclass", tuple("0123456789"), self.metric)
        return cut(name, role, shown, {task: digits}, drawn)


@lru_cache(maxsize=6)  # of less than 0.5 MB each
def _third(name: Name, split_seed: int) -> Shown:
    """The domain of a name, before a seed has drawn labels of it."""
    import numpy as np

    images, digits = images_and_digits()
    rows = np.arange(get_args(Name).index(name), len(images), 3)
    rng = np.random.default_rng(stream(split_seed, "split", "shift", name))
    return Shown.of(SHIFTS[name](images[rows], rng), digits[rows], rows)
