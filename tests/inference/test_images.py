from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tlrun.core.errors import UserError
from tlrun.data.images.decoding import Form, decode
from tlrun.inference.images import image_reader

from photos import pixels, put

SHAPE = {"size": 6, "fit": "crop", "channels": 3}
READ = image_reader({"images": SHAPE, "classes": {}})


@pytest.mark.parametrize("fit", ["crop", "squash", "pad"])
@pytest.mark.parametrize("channels", [1, 3])
def test_arrays_become_what_a_file_of_them_would(fit: Any, channels: Any, tmp_path: Path) -> None:
    read = image_reader({"images": {"size": 6, "fit": fit, "channels": channels}})
    image = pixels(3, 12, 10)
    path = tmp_path / "a.png"
    Image.fromarray(image).save(path)
    of_file = decode(path.read_bytes(), ".png", Form(6, fit, channels))

    assert np.array_equal(read(image.transpose(2, 0, 1)[None], {}).inputs[:][0], of_file)
    assert np.array_equal(read([path], {}).inputs[:][0], of_file)
    grey = read(image[None, None, :, :, 0], {}).inputs[:]
    assert grey.shape == (1, channels, 6, 6)


def test_arrays_of_the_very_form_are_used_as_they_are() -> None:
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 6, 6)).astype(np.uint8)
    assert np.array_equal(READ(images, {}).inputs[:], images)


def test_a_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    for number, name in enumerate(("b.png", "a/z.png", "a/c.png", ".hidden.png")):
        put(tmp_path / name, number)
    (tmp_path / "notes.txt").write_text("x")
    rows = READ(tmp_path, {})

    assert rows.files == ("b.png", "a/c.png", "a/z.png")
    assert rows.told == ("files that are no images, left out: 1 hidden, 1 .txt",)
    assert len(rows) == 3


def test_a_file_is_read_once_for_several_models(tmp_path: Path) -> None:
    memo: dict[Any, Any] = {}
    path = put(tmp_path / "a.png")
    first = READ([path], memo)
    path.unlink()
    assert READ([path], memo) is first


@pytest.mark.parametrize(
    ("new", "found"),
    [
        (np.zeros((2, 3, 6, 6), np.float32), r"found float32 of shape \[2, 3, 6, 6\]"),
        (np.zeros((2, 6, 6, 3), np.uint8), r"found uint8 of shape \[2, 6, 6, 3\]"),
        (np.zeros((0, 3, 6, 6), np.uint8), "at least one image, found none"),
        ([], "at least one image, found none"),
        ([3], "found a list"),
        ("nowhere.png", "a file that can be read, found nowhere.png: No such file"),
    ],
)
def test_what_is_no_image_is_refused(new: Any, found: str) -> None:
    with pytest.raises(UserError, match=f"^new rows: expected .*{found}"):
        READ(new, {})


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^new rows: expected images \(\.apng, .*found none in"):
        READ(tmp_path, {})


def test_a_form_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a form of images"):
        image_reader({"images": {**SHAPE, "fit": "bend"}})
