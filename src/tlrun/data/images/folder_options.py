"""The options of folders of images: what becomes of a file, which is what, and who tests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from tlrun.core.acting import Acts, Where
from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import Range
from tlrun.core.task import ClassificationMetric
from tlrun.data.base import (
    HoldoutFold,
    LabelFraction,
    LabelsPerClass,
    Sealed,
    SplitSeed,
    TestShare,
    ValShare,
    check_at_most_one,
)
from tlrun.data.images.decoding import Fit

Name = str | int  # of a folder; a command line reads 7 as a number
Classes = Literal["auto", "shared", "own"]
Layout = Literal["auto", "class", "domain"]


@dataclass(frozen=True)
class FolderOptions:
    """Folders in which a folder of images is a class.

    path: the folder with `<class>/*` (one domain, the target) or `<domain>/<class>/*`.
    layout: what the folders of `path` are: class, whatever lies deeper being of it; domain; or
        auto, domains where they hold folders, which is told.
    source_path: another such folder, whose domains are sources; null: none.
    target: the domain that is the target, the others being sources; null: the only one of `path`,
        and of several none, they are peers.
    domains: those that are read; null: all.
    size: height and width of every image. fit: how it comes to be a square (`decoding.Form`).
    channels: 1 or 3; null: 3, unless every file is grey.
    classes: shared: all domains have one task, `class`. own: each has a task of its name. auto:
        shared where all have the same classes or one of them has all, own where no two have any
        class in common.
    group: a regular expression, searched in each file's path below the folder of its class. What
        its brackets match, or else all that it matches, is the group of the image, and a group is
        on one side: training, validation or test.
    group_file: a CSV with the columns file, a path below `path` (or `source_path`), and group.
    labels_per_class, label_fraction: how many labelled images of each class, or which share of
        them, are for training and validation together, of the target or else of every domain; at
        most one of the two; null: all that do not test.
    source_per_class, source_fraction: likewise of the sources.
    val_share: the share of the labels that validates; with a target, and no groups, a fifth of the
        sources' labels validates where it is more than 0.
    test_share: the share of the images (of the groups) of each domain that tests, of each class.
    split: folders: below each root, train/, test/ and, where there is one, val/ hold the folders
        and say who tests. The validation images are then of val/, where val_share is more than 0.
    split_seed: draws the test set; the run's seed draws the labels.
    sealed: the share of the test rows that no run sees, for `tl-run final` (`data/sealed.py`).
    holdout_fold: k/K, such as 2/5: the k-th of K parts of the target's labels tests instead of the
        test set, which nobody sees (`data/holdout.py`); `tl-run deliver` makes such runs.
    duplicates: what becomes of test images that are equal, once decoded, to one that may train.
    unreadable: whether files that become no image are refused, or skipped and told.
    cache: the folder where decoded images are kept.
    metric: the primary metric.

    Raises UserError where options contradict each other.
    """

    # what is in the files decides, not where they are; what a group file says decides the splits
    places: ClassVar[frozenset[str]] = frozenset({"path", "source_path", "cache", "group_file"})
    split_options: ClassVar[frozenset[str]] = frozenset(
        {"group", "test_share", "split", "split_seed", "duplicates"}
    )

    acts: ClassVar[Acts] = {"test_share": Where("split", None)}

    path: str = ""
    layout: Layout = "auto"
    source_path: str | None = None
    target: Name | None = None
    domains: tuple[Name, ...] | None = None
    size: Annotated[int, Range(8, 1024)] = 64
    fit: Fit = "crop"
    channels: Literal[1, 3] | None = None
    classes: Classes = "auto"
    group: str | None = None
    group_file: str | None = None
    labels_per_class: LabelsPerClass | None = None
    label_fraction: LabelFraction | None = None
    source_per_class: LabelsPerClass | None = None
    source_fraction: LabelFraction | None = None
    val_share: ValShare = 0.0
    test_share: TestShare = 0.3
    split: Literal["folders"] | None = None
    split_seed: SplitSeed = 0
    sealed: Sealed = 0.0
    holdout_fold: HoldoutFold | None = None
    duplicates: Literal["drop", "keep"] = "drop"
    unreadable: Literal["refuse", "skip"] = "refuse"
    cache: str = "~/.cache/tl-run/images"
    metric: ClassificationMetric = "accuracy"

    def __post_init__(self) -> None:
        # one form for all spellings, for runs are known by their options
        if self.target is not None:
            object.__setattr__(self, "target", str(self.target))
        if self.domains is not None:
            object.__setattr__(self, "domains", tuple(sorted({str(name) for name in self.domains})))
        check_at_most_one(self, "labels_per_class", "label_fraction")
        check_at_most_one(self, "source_per_class", "source_fraction")
        check_at_most_one(self, "group", "group_file")
        if self.group is not None:
            try:
                re.compile(self.group)
            except re.error as error:
                found = f"{self.group!r} ({error})"
                raise UserError(Mistake("dataset.group", "a regular expression", found)) from None
