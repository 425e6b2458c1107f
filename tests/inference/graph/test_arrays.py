"""Inputs that are used as they are: type, shape and what the card says of photos."""

from __future__ import annotations

import numpy as np
import pytest

from tlrun.core.inputs import InputSpec
from tlrun.inference.graph.arrays import ArrayInputs

pytest.importorskip("onnx")
PHOTOS = {"images": {"channels": 3, "fit": "crop", "size": 8}}


@pytest.mark.parametrize("spec", [InputSpec((1, 8, 8)), InputSpec((3, 8, 8), "uint8")])
def test_random_rows_have_the_type_and_shape_of_the_port(spec: InputSpec) -> None:
    inputs = ArrayInputs(spec, {})
    new, given = inputs.random(5, np.random.default_rng(0))

    (port,) = inputs.ports
    assert new is given[port.name]
    assert new.shape == (5, *port.shape[1:])
    assert new.dtype == spec.dtype
    assert inputs.example().shape[1:] == spec.shape
    assert inputs.numbers == np.prod(spec.shape)
    assert inputs.notes() == []


def test_the_card_says_how_a_photo_becomes_pixels() -> None:
    (note,) = ArrayInputs(InputSpec((3, 8, 8), "uint8"), PHOTOS).notes()

    assert "made RGB, its middle square cropped and resized to 8 x 8" in note
