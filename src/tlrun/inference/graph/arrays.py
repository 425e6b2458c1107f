"""A graph of images or arrays: the tensor itself, as the data set held it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tlrun.core.inputs import InputSpec
from tlrun.inference.graph.inputs import AsTheyAre, Port, Type

if TYPE_CHECKING:
    from torch import Tensor

TYPES: Mapping[str, Type] = {"float32": "float", "uint8": "uint8"}
FITTED = {
    "crop": "its middle square cropped",
    "squash": "squashed",
    "pad": "padded with black to a square",
}


class ArrayInputs(AsTheyAre):
    """N inputs of one shape; bytes are divided by 255 and normalised inside the graph.

    spec: of one input. form: how image files were fitted to it, from preprocessing.json; empty
    where there was nothing to fit. free: as of `GraphInputs`.
    """

    def __init__(self, spec: InputSpec, form: Mapping[str, Any]) -> None:
        self._spec, self._form = spec, form
        name = "images" if spec.kind == "image" else "inputs"
        meaning = "pixels, channels first, as they are" if spec.kind == "image" else "numbers"
        self.ports: Sequence[Port] = (Port(name, TYPES[spec.dtype], ("N", *spec.shape), meaning),)
        self.numbers = int(np.prod(spec.shape))
        self.free: tuple[str, ...] = ("N",)

    def example(self) -> Tensor:
        """Three rows."""
        import torch

        return torch.from_numpy(self._drawn(3, np.random.default_rng(0)))

    def random(self, count: int, rng: np.random.Generator) -> tuple[Any, dict[str, np.ndarray]]:
        """Noise."""
        drawn = self._drawn(count, rng)
        return drawn, {self.ports[0].name: drawn}

    def files(self) -> dict[str, bytes]:
        """None."""
        return {}

    def notes(self) -> list[str]:
        """How a file becomes pixels."""
        if "images" not in self._form:
            return []
        made = self._form["images"]
        colour = "grey" if made["channels"] == 1 else "RGB"
        size = f"{made['size']} x {made['size']}"
        fitted = f"{FITTED[made['fit']]} and resized to {size}"
        how = "by Pillow's bilinear filter, transparent pixels on white"
        return [f"An image is first turned upright, made {colour}, {fitted}, {how}"]

    def _drawn(self, count: int, rng: np.random.Generator) -> np.ndarray:
        shape = (count, *self._spec.shape)
        if self._spec.dtype == "uint8":
            return rng.integers(0, 256, shape, dtype=np.uint8)
        return rng.normal(size=shape).astype(np.float32)
