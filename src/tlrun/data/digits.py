"""scikit-learn's digits (Alpaydin and Kaynak, 1998): 1797 real 8x8 images, in the package, no download.

The first half is the source. The second half is the target, under a shift, with a few labels a class.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from tlrun.options import Range
from tlrun.problem import Domain, Problem, Sealed, Split, Task, digest
from tlrun.seeding import stream

if TYPE_CHECKING:
    import numpy as np

SOURCE_TEST_SHARE = 0.2  # enough to see what the source is known by; the rest is for training
SOURCE_VAL_SHARE = 0.2  # of the rest, where anything validates
Shift = Literal["noise", "occlusion", "rotation", "inverted", "none"]


@dataclass(frozen=True)
class Digits:
    """Source and target of `dataset=digits`.

    shift: what is done to the target's images x in [0, 1], once, by `split_seed`:
        noise      clip(x + 0.6·ε), ε standard normal
        occlusion  a 4x4 patch at a random place of each image is 0
        rotation   by 45 degrees
        inverted   clip(0.5·(1 - x) + 0.3·ε): dark on light at half the contrast, at the same ratio of noise
        none       nothing
    classes: `shared`, one label space; `split`, the source has the digits 0-4 and the target 5-9, a head of its own.
    labels_per_class: labelled target examples a class, for training and validation together. The source keeps all.
    val_share: the share of the target's labels that validate instead of train; where it is more than 0, at least one a
        class, and a fifth of the source's labels too.
    test_share: the share of the target that tests (of the source, a fifth). Test examples are fixed by `split_seed`;
        the run's seed only draws which of the others are labelled.
    metric: the primary metric.
    """

    shift: Shift = "noise"
    classes: Literal["shared", "split"] = "shared"
    labels_per_class: Annotated[int, Range(1)] = 5
    val_share: Annotated[float, Range(0.0, 0.9)] = 0.0
    test_share: Annotated[float, Range(0.1, 0.9)] = 0.6
    split_seed: Annotated[int, Range(0)] = 0
    metric: Literal["accuracy", "auc"] = "accuracy"

    def load(self, seed: int) -> Problem:
        """The problem as `seed` draws its labels. Raises UserError where a class has too few examples."""
        import numpy as np
        from sklearn.datasets import load_digits

        pixels, digits = load_digits(return_X_y=True)
        images = (pixels / 16.0).reshape(-1, 8, 8)
        half = len(images) // 2
        rows = np.arange(len(images))
        low = digits < 5 if self.classes == "split" else np.ones(len(digits), dtype=bool)
        high = digits >= 5 if self.classes == "split" else low
        first, second = rows[(rows < half) & low], rows[(rows >= half) & high]
        source = self._domain("source", images[first], digits[first], first, seed)
        shifted = SHIFTS[self.shift](images[second], np.random.default_rng(stream(self.split_seed, "split", "shift")))
        target = self._domain("target", shifted, digits[second], second, seed)
        domains = {domain.name: domain for domain, _ in (source, target)}
        test = {domain.name: split for domain, split in (source, target)}
        splits = [split for domain in domains.values() for split in (domain.train, domain.val)]
        return Problem(domains, Sealed(test), digest([*splits, *test.values()]))

    def _domain(
        self, role: Literal["source", "target"], images: np.ndarray, digits: np.ndarray, rows: np.ndarray, seed: int
    ) -> tuple[Domain, Split]:
        """One domain and its test split."""
        import numpy as np

        from tlrun.data.splits import buy_validation, few_per_class, stratified

        names = sorted(set(digits.tolist()))
        task = Task(_task_name(names), "multiclass", tuple(str(k) for k in names), self.metric)
        labels = np.searchsorted(names, digits)

        def split(chosen: np.ndarray) -> Split:
            inputs = images[chosen][:, None].astype(np.float32)
            return Split(inputs, {task.name: labels[chosen].astype(np.int64)}, rows[chosen].astype(np.int64))

        test_share = self.test_share if role == "target" else SOURCE_TEST_SHARE
        test, pool = stratified(labels, test_share, stream(self.split_seed, "split", role))
        if role == "target":
            drawn = few_per_class(
                labels[pool], self.labels_per_class, stream(seed, "labels"), "dataset.labels_per_class"
            )
            pool = pool[drawn]
        val_share = self.val_share if role == "target" else SOURCE_VAL_SHARE if self.val_share else 0.0
        train, val = buy_validation(labels[pool], val_share, stream(seed, "labels", "val"), "dataset.val_share")
        bought = split(pool[val]) if len(val) else None
        return Domain(role, role, (task,), split(pool[train]), bought), split(test)


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
