"""Small images in folders, and images of every kind that a stranger may have."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

COLOURS = ((200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30))


def pixels(seed: int, width: int = 12, height: int = 10) -> np.ndarray:
    """uint8 [height, width, 3], another for every seed."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def put(path: Path, seed: int = 0, **saved: Any) -> Path:
    """Write an image in colour, another for every seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(seed)).save(path, **saved)
    return path


def put_classes(root: Path, classes: Iterable[str], count: int = 10, first: int = 0) -> int:
    """Write `count` images of every class; returns the seed after the last."""
    for label in classes:
        for k in range(count):
            # three images of each patient
            put(root / label / f"patient{(first + k) // 3}_{k:02}.png", first + k)
        first += count
    return first


def put_domains(root: Path, domains: Iterable[str], count: int = 10) -> None:
    """Write `count` images of cat, dog and owl in every domain, all of them different."""
    first = 0
    for domain in domains:
        first = put_classes(root / domain, ("cat", "dog", "owl"), count, first)


def rewritten(path: Path, change: Callable[[bytes], bytes]) -> Path:
    """The file, its bytes changed."""
    path.write_bytes(change(path.read_bytes()))
    return path
