"""scikit-learn's digits (Alpaydin and Kaynak, 1998): 1797 real 8x8 images, without a download.

The first half is the source. The second half is the target, under a shift, with a few labels a
class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from tlrun.core.problem import Domain, Problem, Role, Split
from tlrun.core.seeding import stream
from tlrun.core.task import ClassificationMetric, Task
from tlrun.data.assembly import Part, assemble
from tlrun.data.base import (
    SOURCE_VAL_SHARE,
    HoldoutFold,
    LabelsPerClass,
    Sealed,
    SplitSeed,
    TestShare,
    ValShare,
)
from tlrun.data.examples import examples_digest
from tlrun.data.images.digits_file import digits_files, ink_and_digits

if TYPE_CHECKING:
    import numpy as np

    from tlrun.data.splits import Draw

SOURCE_TEST_SHARE = 0.2  # enough to see what the source is known by; the rest is for training
Shift = Literal["noise", "occlusion", "rotation", "inverted", "none"]


@dataclass(frozen=True)
class Digits:
    """Source and target of `dataset=digits`.

    shift: what is done to the target's images x in [0, 1], once, by `split_seed`:
        noise      clip(x + 0.6·ε), ε standard normal
        occlusion  a 4x4 patch at a random place of each image is 0
        rotation   by 45 degrees
        inverted   clip(0.5·(1 - x) + 0.3·ε): dark on light, half the contrast, the same ratio of
                   noise
        none       nothing
    classes: `shared`, one label space; `split`, the source has the digits 0-4 and the target 5-9, a
        head of its own.
    labels_per_class: labelled target examples a class, for training and validation together. The
        source keeps all.
    val_share: the share of the target's labels that validate instead of train; where it is more
        than 0, at least one a class, and a fifth of the source's labels too.
    test_share: the share of the target that tests (of the source, a fifth). Test examples are fixed
        by `split_seed`; the run's seed only draws which of the others are labelled.
    sealed: the share of the test rows that no run sees, for `tl-run final` (`data/sealed.py`).
    holdout_fold: k/K, such as 2/5: the k-th of K parts of the target's labels tests instead of the
        test set, which nobody sees (`data/holdout.py`); `tl-run deliver` makes such runs.
    metric: the primary metric.
    """

    split_options: ClassVar[frozenset[str]] = frozenset({"test_share", "split_seed"})

    shift: Shift = "noise"
    classes: Literal["shared", "split"] = "shared"
    labels_per_class: LabelsPerClass = 5
    val_share: ValShare = 0.0
    test_share: TestShare = 0.6
    split_seed: SplitSeed = 0
    sealed: Sealed = 0.0
    holdout_fold: HoldoutFold | None = None
    metric: ClassificationMetric = "accuracy"

    def files(self) -> Sequence[Path]:
        """The file that holds the digits."""
        return digits_files()

    def load(self, seed: int) -> Problem:
        """The problem as `seed` draws its labels.

        Raises UserError where a class has too few examples.
        """
        source, target = _halves(self.shift, self.classes, self.split_seed)
        return assemble([self._part("source", source, seed), self._part("target", target, seed)])

    def _part(self, role: Literal["source", "target"], shown: Shown, seed: int) -> Part:
        """One domain and its test examples."""
        import numpy as np

        from tlrun.data.splits import draw

        names = sorted(set(shown.digits.tolist()))
        task = Task(_task_name(names), "multiclass", tuple(str(k) for k in names), self.metric)
        labels = np.searchsorted(names, shown.digits)
        tests = stream(self.split_seed, "split", role)
        if role == "target":
            drawn = draw(
                labels, self.labels_per_class, self.val_share, self.test_share, tests, seed
            )
        else:
            drawn = draw(
                labels,
                None,
                SOURCE_VAL_SHARE if self.val_share else 0.0,
                SOURCE_TEST_SHARE,
                tests,
                seed,
            )
        return cut(role, role, shown, {task: labels}, drawn)


def images_and_digits() -> tuple[np.ndarray, np.ndarray]:
    """All the images, float64 [1797, 8, 8] in [0, 1], and the digit that each shows, int64."""
    ink, digits = ink_and_digits()
    return ink / 16.0, digits


class Shown(NamedTuple):
    """The images of one domain, before a seed has drawn labels of them: the same for all seeds.

    images: [N, 8, 8], shifted. digits: [N], what each shows, of which all labels are made.
    rows: [N], which of the data set's images they are. examples: their digest, of all seeds alike.
    """

    images: np.ndarray
    digits: np.ndarray
    rows: np.ndarray
    examples: str

    @classmethod
    def of(cls, images: np.ndarray, digits: np.ndarray, rows: np.ndarray) -> Shown:
        """With their digest; none of the arrays can be written to, for they are kept."""
        for array in (images, digits, rows):
            array.setflags(write=False)
        return cls(images, digits, rows, examples_digest(images, digits))


@lru_cache(maxsize=2)  # of 1 MB each
def _halves(shift: Shift, classes: str, split_seed: int) -> tuple[Shown, Shown]:
    """Source and target of `Digits`, by its options."""
    import numpy as np

    images, digits = images_and_digits()
    half = len(images) // 2
    rows = np.arange(len(images))
    low = digits < 5 if classes == "split" else np.ones(len(digits), dtype=bool)
    high = digits >= 5 if classes == "split" else low
    first, second = rows[(rows < half) & low], rows[(rows >= half) & high]
    rng = np.random.default_rng(stream(split_seed, "split", "shift"))
    shifted = SHIFTS[shift](images[second], rng)
    return (
        Shown.of(images[first], digits[first], first),
        Shown.of(shifted, digits[second], second),
    )


def cut(
    name: str, role: Role, shown: Shown, labels: Mapping[Task, np.ndarray], drawn: Draw
) -> Part:
    """One domain of digits, cut into splits as drawn. labels: [N] of every task."""
    import numpy as np

    def inputs(chosen: np.ndarray) -> np.ndarray:
        found: np.ndarray = shown.images[chosen][:, None].astype(np.float32)
        return found

    def split(chosen: np.ndarray) -> Split:
        found = {
            task.name: values[chosen].astype(np.float32 if task.kind == "regression" else np.int64)
            for task, values in labels.items()
        }
        return Split(inputs(chosen), found, shown.rows[chosen].astype(np.int64))

    val = split(drawn.val) if len(drawn.val) else None
    return Part(
        Domain(name, role, tuple(labels), split(drawn.train), val),
        split(drawn.test),
        inputs(drawn.pool),
        shown.examples,
    )


def _task_name(digits: list[int]) -> str:
    return "digit" if len(digits) == 10 else f"digit_{digits[0]}_to_{digits[-1]}"


def _noise(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (images + 0.6 * rng.standard_normal(images.shape)).clip(0.0, 1.0)


def _occlusion(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    hidden = images.copy()
    for image, (top, left) in zip(hidden, rng.integers(0, 5, size=(len(images), 2)), strict=True):
        image[top : top + 4, left : left + 4] = 0.0
    return hidden


def _rotation(images: np.ndarray, _: np.random.Generator) -> np.ndarray:
    from scipy.ndimage import rotate

    turned: np.ndarray = rotate(images, angle=45.0, axes=(1, 2), reshape=False, order=1)
    return turned


def _inverted(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return (0.5 * (1.0 - images) + 0.3 * rng.standard_normal(images.shape)).clip(0.0, 1.0)


def _none(images: np.ndarray, _: np.random.Generator) -> np.ndarray:
    return images


SHIFTS: dict[Shift, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "noise": _noise,
    "occlusion": _occlusion,
    "rotation": _rotation,
    "inverted": _inverted,
    "none": _none,
}
