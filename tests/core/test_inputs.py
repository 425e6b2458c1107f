"""Inputs in memory and in a file are read alike, and told apart by what they hold."""

import numpy as np
import pytest

from tlrun.core import inputs as module
from tlrun.core.inputs import InputSpec, digest_of, parts, selected, spec_of

IMAGES = np.random.default_rng(0).integers(0, 256, (7, 3, 4, 5), np.uint8)


def test_an_input_is_an_image_or_a_vector() -> None:
    assert spec_of(IMAGES) == InputSpec((3, 4, 5), "uint8")
    assert spec_of(IMAGES).kind == "image"
    assert InputSpec((8,)).kind == "vector"
    assert spec_of(IMAGES).words == "images of 3x4x5"
    assert InputSpec((8,)).words == "vectors of 8 numbers"


@pytest.mark.parametrize("at_once", [1, 60, 61, 150, 10**6])
def test_parts_are_all_of_it_in_order(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = digest_of(IMAGES)
    monkeypatch.setattr(module, "AT_ONCE", at_once)

    found = list(parts(IMAGES))
    assert np.array_equal(np.concatenate(found), IMAGES)
    assert max(part.nbytes for part in found) <= max(60, at_once)
    assert digest_of(IMAGES) == whole


@pytest.mark.parametrize(
    "other",
    [
        IMAGES[:6],
        IMAGES[::-1],
        IMAGES.astype(np.int16),
        IMAGES.reshape(7, 5, 4, 3),
        np.where(np.arange(420).reshape(IMAGES.shape) == 419, 1 - IMAGES, IMAGES),
    ],
)
def test_other_inputs_have_another_digest(other: np.ndarray) -> None:
    assert digest_of(other) != digest_of(IMAGES)


def test_a_layout_in_memory_is_no_content() -> None:
    assert digest_of(np.asfortranarray(IMAGES)) == digest_of(IMAGES)


def test_rows_are_selected_by_place_and_by_mask() -> None:
    assert np.array_equal(selected(IMAGES, np.array([5, 0]))[:], IMAGES[[5, 0]])
    mask = np.arange(7) % 2 == 0
    assert np.array_equal(selected(IMAGES, mask)[:], IMAGES[mask])
