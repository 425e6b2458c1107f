"""Crops of the photos that scikit-image and scikit-learn ship, as folders: a demonstration.

    pip install scikit-image
    python benchmarks/photo_crops.py PHOTOS
    tl-run experiment=freeze_or_finetune dataset.path=PHOTOS dataset.split=folders

Each class is one photo. Its left half gives what is learnt from, its right half what tests, so that
no pixel is in both; the question is whether a crop is told to be of the same scene or texture.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = (
    "astronaut", "brick", "camera", "chelsea", "china", "coffee", "coins", "flower", "grass",
    "gravel", "hubble_deep_field", "ihc", "moon", "motorcycle_left", "page", "rocket",
)  # fmt: skip
CROPS, SMALLEST, LARGEST = (
    24,
    0.35,
    0.7,
)  # of each half, and their side as a share of its shorter one


def photo(name: str) -> Image.Image:
    """One photo, in colour."""
    if name in ("china", "flower"):
        from sklearn.datasets import load_sample_image

        return Image.fromarray(load_sample_image(f"{name}.jpg"))
    import skimage.data

    folder = Path(skimage.data.__file__).parent
    (file,) = (path for path in folder.iterdir() if path.stem == name)
    return Image.open(file).convert("RGB")


def write(folder: Path) -> None:
    """Write folder/train/<class>/*.png and folder/test/<class>/*.png."""
    for number, name in enumerate(CLASSES):
        whole = photo(name)
        middle = whole.width // 2
        halves = {"train": (0, middle), "test": (middle, whole.width)}
        for split, (left, right) in halves.items():
            rng = np.random.default_rng([number, left])
            place = folder / split / name
            place.mkdir(parents=True, exist_ok=True)
            short = min(right - left, whole.height)
            for crop in range(CROPS):
                side = round(short * rng.uniform(SMALLEST, LARGEST))
                x = left + int(rng.integers(0, right - left - side + 1))
                y = int(rng.integers(0, whole.height - side + 1))
                whole.crop((x, y, x + side, y + side)).save(place / f"{name}_{crop:02}.png")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
