"""Any two of torchvision's image sets: one the source, the other the target with few labels.

Or one alone, as the target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import Range
from tlrun.core.problem import Domain, Problem, Split
from tlrun.core.seeding import stream
from tlrun.core.task import ClassificationMetric, Task
from tlrun.data.base import (
    SOURCE_VAL_SHARE,
    HoldoutFold,
    LabelFraction,
    LabelsPerClass,
    Sealed,
    SplitSeed,
    ValShare,
    check_at_most_one,
)

if TYPE_CHECKING:
    import numpy as np

    from tlrun.data.assembly import Part
    from tlrun.data.images.image_sets import Images

TARGET_LABELS = 20  # a class, where no option says how many
Name = Literal["mnist", "usps", "fashion_mnist", "cifar10", "cifar100", "svhn"]


@dataclass(frozen=True)
class Pair:
    """Source and target of `dataset=pair`; each domain is called by its set's name.

    Images are bytes [N, C, H, W]; C is 1 where both sets are grey, else 3 with grey repeated.
    mnist, usps and svhn share the task `digit`; every other set has a task of its own. Each set
    tests on its own published test set, less what stands in a training set too.

    source, target: two different sets. Without a source there is the target alone.
    root: the folder of their files, as torchvision lays them out (MNIST/raw, usps.bz2, …;
        USPS/usps.bz2 and SVHN/train_32x32.mat too). Files that are there are taken as they are,
        save that torchvision checks cifar's and svhn's md5.
    download: whether torchvision may download what is missing into `root`.
    labels_per_class: labelled target examples a class, for training and validation together; None:
        20, or as many as `label_fraction` says.
    label_fraction: instead, the share of the target's training set that is labelled, of each class.
    val_share: the share of the target's labels that validate instead of train; where it is more
        than 0, at least one a class, and a fifth of the source's labels too.
    source_per_class, source_fraction: labelled source examples a class, or their share, likewise;
        None: all.
    test_limit: the most test examples of each domain, a stratified sample; None: all.
    size: height and width of every image, bilinear and antialiased; None: that of the smaller of
        the two sets. Not less than 4, where different images become equal.
    split_seed: draws the test sample where `test_limit` asks for one. The run's seed draws the
        labels only.
    sealed: the share of the test rows that no run sees, for `tl-run final` (`data/sealed.py`).
    holdout_fold: k/K, such as 2/5: the k-th of K parts of the target's labels tests instead of the
        test set, which nobody sees (`data/holdout.py`); `tl-run deliver` makes such runs.
    metric: the primary metric.

    Raises UserError where source and target are one set, and for a number and a share of labels of
    one of them.
    """

    # where the files are decides no result
    places: ClassVar[frozenset[str]] = frozenset({"root", "download"})
    split_options: ClassVar[frozenset[str]] = frozenset({"test_limit", "split_seed"})

    source: Name | None = "mnist"
    target: Name = "usps"
    root: str = "~/.cache/tl-run/data"
    download: bool = True
    labels_per_class: LabelsPerClass | None = None
    label_fraction: LabelFraction | None = None
    val_share: ValShare = 0.0
    source_per_class: LabelsPerClass | None = None
    source_fraction: LabelFraction | None = None
    test_limit: Annotated[int, Range(1)] | None = None
    size: Annotated[int, Range(4, 256)] | None = None
    split_seed: SplitSeed = 0
    sealed: Sealed = 0.0
    holdout_fold: HoldoutFold | None = None
    metric: ClassificationMetric = "accuracy"

    def __post_init__(self) -> None:
        check_at_most_one(self, "labels_per_class", "label_fraction")
        check_at_most_one(self, "source_per_class", "source_fraction")
        if self.source is None:
            for option in ("source_per_class", "source_fraction"):
                if getattr(self, option) is not None:
                    found = f"{getattr(self, option):g}, and dataset.source=null"
                    raise UserError(Mistake(f"dataset.{option}", "null without a source", found))
        if self.source == self.target:
            raise UserError(
                Mistake(
                    "dataset.target",
                    expected="another set than dataset.source",
                    found=f"{self.target} twice",
                    hint=f"try dataset.target={'usps' if self.target == 'mnist' else 'mnist'}",
                )
            )

    def files(self) -> Sequence[Path]:
        """The files of both sets; none where they have to be downloaded. Raises as `load` does."""
        from tlrun.data.images.on_disk import files_of, folder_of, under

        files: list[Path] = []
        for name in self._names:
            folder = folder_of(name, under(self.root))
            if folder is None:
                return []
            files += files_of(name, folder)
        return files

    def imports(self) -> Sequence[str]:
        """What reads the sets in colour."""
        from tlrun.data.images.image_sets import SETS

        colour = any(SETS[name].channels == 3 for name in self._names)
        return ["torchvision.datasets"] if colour else []

    def suits(self) -> Mapping[str, str]:
        """Without a source there is nothing to transfer."""
        return {} if self.source else {"strategy": "scratch"}

    @property
    def _names(self) -> tuple[Name, ...]:
        """The sets, the source first."""
        return (self.target,) if self.source is None else (self.source, self.target)

    def load(self, seed: int) -> Problem:
        """The problem as `seed` draws its labels.

        Raises UserError for files that are missing or damaged, and for too few examples.
        """
        from tlrun.data.assembly import assemble
        from tlrun.data.images.image_sets import SETS
        from tlrun.data.images.torchvision_sets import load

        kinds = {name: SETS[name] for name in self._names}
        size = self.size or min(kind.size for kind in kinds.values())
        channels = max(kind.channels for kind in kinds.values())
        images = {name: load(name, self.root, self.download, size) for name in kinds}
        notes = [
            f"{name}: {kind.size}x{kind.size} resized to {size}x{size}"
            for name, kind in kinds.items()
            if kind.size != size
        ]
        notes += [
            f"{name}: grey repeated in 3 channels"
            for name, kind in kinds.items()
            if kind.channels < channels
        ]
        return assemble(
            [self._part(name, SETS[name].task, images[name], channels, seed) for name in kinds],
            notes,
        )

    def _part(self, name: Name, task_name: str, images: Images, channels: int, seed: int) -> Part:
        """One domain, with all of its training set as the pool."""
        from tlrun.data.assembly import Part
        from tlrun.data.splits import even_sample, split_validation

        task = Task(task_name, "multiclass", images.classes, self.metric)
        labels, pool = images.train.labels, _pixels(images.train.images, channels)

        def split(chosen: np.ndarray) -> Split:
            # all of them without a copy
            inputs = pool if len(chosen) == len(pool) else pool[chosen]
            return Split(inputs, {task.name: labels[chosen]}, chosen)

        role: Literal["source", "target"] = "source" if name == self.source else "target"
        drawn = self._drawn(role, labels, seed)
        val_share = (
            self.val_share if role == "target" else SOURCE_VAL_SHARE if self.val_share else 0.0
        )
        train, val = split_validation(
            labels[drawn], val_share, stream(seed, "labels", "val"), "dataset.val_share"
        )
        bought = split(drawn[val]) if len(val) else None
        domain = Domain(name, role, (task,), split(drawn[train]), bought)

        truth = images.test.labels
        tested = even_sample(truth, self.test_limit, name, self.split_seed, name)
        inputs = _pixels(images.test.images[tested], channels)
        # rows go on after training
        test = Split(inputs, {task.name: truth[tested]}, tested + len(labels))
        return Part(domain, test, pool, images.examples)

    def _drawn(
        self, role: Literal["source", "target"], labels: np.ndarray, seed: int
    ) -> np.ndarray:
        """The positions of the labelled training examples, sorted.

        They are for training and validation together.
        """
        from tlrun.data.splits import bought

        option, count, fraction = "source_per_class", self.source_per_class, self.source_fraction
        if role == "target":
            option, fraction = "labels_per_class", self.label_fraction
            count = self.labels_per_class or (None if fraction else TARGET_LABELS)
        return bought(labels, count, fraction, stream(seed, "labels", role), f"dataset.{option}")


def _pixels(images: np.ndarray, channels: int) -> np.ndarray:
    """Bytes [N, 1 or C, H, W] as [N, C, H, W]; grey is repeated."""
    import numpy as np

    return images if images.shape[1] == channels else np.repeat(images, channels, axis=1)
