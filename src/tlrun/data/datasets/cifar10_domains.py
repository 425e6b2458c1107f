"""One task on four domains of CIFAR-10: as it is, in grey, out of focus, and under noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, get_args

from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import Range
from tlrun.core.problem import Domain, Problem, Role, Split
from tlrun.core.seeding import stream
from tlrun.core.task import ClassificationMetric, Task
from tlrun.data.base import (
    HoldoutFold,
    LabelsPerClass,
    Sealed,
    SplitSeed,
    ValShare,
    checked_sources,
)

if TYPE_CHECKING:
    import numpy as np

    from tlrun.data.assembly import Part
    from tlrun.data.images.image_sets import Examples, Images

Name = Literal["plain", "grey", "blur", "noise"]
STAND_IN_NAME = "stand_in_"  # what the names of domains then begin with
STAND_IN = (
    "a STAND-IN, not CIFAR-10, whose files are not there: scikit-learn's digits in colour, in "
    "CIFAR-10's file layout; no number here says anything of photos"
)


@dataclass(frozen=True)
class Cifar10Domains:
    """The domains of `dataset=cifar10_domains`, each with the task `cifar10`, its ten classes.

    Every fourth image, from the first, second, third or fourth on, is of one domain, of the
    training set as of the published test set, the only one that tests. Images are bytes
    [N, 3, 32, 32], and nothing but the shift tells the domains apart:
        plain  nothing is done
        grey   the luminance in all three channels
        blur   out of focus by √2 pixels
        noise  x + 50·ε cut to bytes, ε standard normal

    target: the domain that the others are sources for; None for four equals.
    sources: those of the others that are read; None: all three.
    labels_per_class: labelled examples a class, for training and validation together, of each
        domain but a source.
    source_per_class: likewise of each source; None: all of them.
    val_share: the share of each domain's labels that validate instead of train; where it is more
        than 0, at least one a class.
    test_limit: the most test examples of each domain, a stratified sample; None: all.
    split_seed: draws the noise, and the test sample where `test_limit` asks for one: both are the
        same whichever domain is the target. The run's seed draws the labels only.
    sealed: the share of the test rows that no run sees, for `tl-run final` (`data/sealed.py`).
    holdout_fold: k/K, such as 2/5: the k-th of K parts of the target's labels tests instead of the
        test set, which nobody sees (`data/holdout.py`); `tl-run deliver` makes such runs.
    metric: the primary metric.
    root: the folder of CIFAR-10's files, as torchvision lays them out (cifar-10-batches-py/).
        torchvision checks their md5.
    download: whether torchvision may download what is missing into `root`.
    stand_in: whether, where they are neither there nor to be downloaded, a set of made images in
        the same layout is written to `root`/stand-in and read instead. Every domain is then called
        stand_in_plain and so on, and the task cifar10_stand_in.

    Raises UserError where the labels of sources are counted and there are none.
    """

    # where the files are decides no result, and the digest of what was read tells which they were
    places: ClassVar[frozenset[str]] = frozenset({"root", "download", "stand_in"})
    split_options: ClassVar[frozenset[str]] = frozenset({"test_limit", "split_seed"})

    target: Name | None = None
    sources: tuple[Name, ...] | None = None
    labels_per_class: LabelsPerClass = 20
    source_per_class: LabelsPerClass | None = None
    val_share: ValShare = 0.0
    test_limit: Annotated[int, Range(1)] | None = None
    split_seed: SplitSeed = 0
    sealed: Sealed = 0.0
    holdout_fold: HoldoutFold | None = None
    metric: ClassificationMetric = "accuracy"
    root: str = "~/.cache/tl-run/data"
    download: bool = True
    stand_in: bool = False

    def __post_init__(self) -> None:
        if self.sources is not None:  # domains of the stand-in have longer names
            named = [name.removeprefix(STAND_IN_NAME) for name in self.sources]
            object.__setattr__(self, "sources", checked_sources(named, self.target))
        if self.source_per_class is not None and self.target is None:
            found = f"{self.source_per_class}, and dataset.target=null"
            hint = "try dataset.target=noise, or dataset.labels_per_class"
            raise UserError(
                Mistake("dataset.source_per_class", "null without a target", found, hint)
            )

    def suits(self) -> Mapping[str, str]:
        """A transfer to the target; without one, what learns all domains together."""
        return {"strategy": "shared_parameters" if self.target is None else "feature_transfer"}

    def files(self) -> Sequence[Path]:
        """The files that are read; none where they have yet to come. Raises as `load` does."""
        from tlrun.data.images.stand_in import files

        return files(self.root, self.stand_in)

    def imports(self) -> Sequence[str]:
        """What reads CIFAR-10; nothing of the kind reads its stand-in."""
        from tlrun.data.images.stand_in import is_real

        return ["torchvision.datasets"] if is_real(self.root) else []

    def load(self, seed: int) -> Problem:
        """The problem as `seed` draws its labels.

        Raises UserError for files that are missing or damaged, and for too few examples.
        """
        from tlrun.data.assembly import assemble
        from tlrun.data.images.stand_in import load

        images, is_stand_in = load(self.root, self.download, self.stand_in)
        name = "cifar10_stand_in" if is_stand_in else "cifar10"
        task = Task(name, "multiclass", images.classes, self.metric)
        before = STAND_IN_NAME if is_stand_in else ""
        parts = [
            self._part(shift, f"{before}{shift}", task, images, seed)
            for shift in get_args(Name)
            if self.sources is None or shift in (*self.sources, self.target)
        ]
        return assemble(parts, [STAND_IN] if is_stand_in else [])

    def _part(self, shift: Name, name: str, task: Task, images: Images, seed: int) -> Part:
        """One domain, with all of its training images as the pool."""
        import numpy as np

        from tlrun.data.assembly import Part
        from tlrun.data.examples import examples_digest
        from tlrun.data.splits import even_sample, split_validation

        rows, pool = self._shifted(images.train, shift, "train")
        labels = images.train.labels[rows]

        def split(chosen: np.ndarray) -> Split:
            return Split(pool[chosen], {task.name: labels[chosen]}, rows[chosen])

        role: Role = (
            "peer" if self.target is None else "target" if shift == self.target else "source"
        )
        drawn = self._drawn(role, shift, labels, seed)
        train, val = split_validation(
            labels[drawn], self.val_share, stream(seed, "labels", "val", shift), "dataset.val_share"
        )
        bought = split(drawn[val]) if len(val) else None
        domain = Domain(name, role, (task,), split(drawn[train]), bought)

        test_rows, tested = self._shifted(images.test, shift, "test")
        truth = images.test.labels[test_rows]
        sample = even_sample(truth, self.test_limit, name, self.split_seed, shift)
        # rows go on after training
        index = test_rows[sample] + len(images.train.labels)
        test = Split(tested[sample], {task.name: truth[sample]}, index)
        examples = examples_digest(np.concatenate([pool, tested]), np.concatenate([labels, truth]))
        return Part(domain, test, pool, examples)

    def _shifted(self, part: Examples, shift: Name, of: str) -> tuple[np.ndarray, np.ndarray]:
        """Which images of the training or the test set the domain has, and what became of them."""
        import numpy as np

        from tlrun.data.images.shifts import SHIFTS

        names = get_args(Name)
        rows = np.arange(names.index(shift), len(part.labels), len(names))
        rng = np.random.default_rng(stream(self.split_seed, "split", "shift", shift, of))
        return rows, SHIFTS[shift](part.images[rows], rng)

    def _drawn(self, role: Role, shift: Name, labels: np.ndarray, seed: int) -> np.ndarray:
        """The positions of the labelled training examples, sorted."""
        from tlrun.data.splits import bought

        option = "source_per_class" if role == "source" else "labels_per_class"
        count: int | None = getattr(self, option)
        return bought(labels, count, None, stream(seed, "labels", shift), f"dataset.{option}")
