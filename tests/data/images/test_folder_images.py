from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tlrun.core.errors import UserError
from tlrun.data.images.folder_domains import find
from tlrun.data.images.folder_images import Images, images_of
from tlrun.data.images.folder_options import FolderOptions

from photos import put, put_classes, rewritten


@pytest.fixture
def root(tmp_path: Path) -> Path:
    put_classes(tmp_path / "in", ("cat", "dog"), 4)
    return tmp_path


def images(root: Path, **options: Any) -> Images:
    asked = FolderOptions(
        **{"path": str(root / "in"), "cache": str(root / "cache"), "size": 8, **options}
    )
    return images_of(find(asked), asked, lambda _: None)


def make_grey(path: Path) -> None:
    with Image.open(path) as image:
        grey = image.convert("L")
    grey.save(path)


def test_files_become_inputs_of_one_form(root: Path) -> None:
    found = images(root)

    assert found.inputs.shape == (8, 3, 8, 8)
    assert found.inputs.dtype == np.uint8
    assert [photo.label for photo in found.photos] == ["cat"] * 4 + ["dog"] * 4
    assert found.notes == [
        "images: the square in the middle of each, resized to 8x8; in colour, three channels"
    ]
    assert found.inputs.keys().shape == (8, 16)


def test_grey_keeps_one_channel_where_all_are_grey(root: Path) -> None:
    files = sorted((root / "in").rglob("*.png"))
    for path in files[1:]:
        make_grey(path)
    mixed = images(root)
    make_grey(files[0])
    grey = images(root)

    assert mixed.form.channels == 3
    assert mixed.notes[0].endswith("three channels (grey repeated in 7 of 8)")
    assert grey.form.channels == 1
    assert grey.notes[0].endswith("in grey, one channel")
    assert images(root, channels=3).inputs.shape[1] == 3
    assert np.array_equal(images(root, channels=3).inputs[:][:, 2], grey.inputs[:][:, 0])


def test_colour_can_be_read_in_grey(root: Path) -> None:
    found = images(root, channels=1, fit="pad")

    assert found.inputs.shape == (8, 1, 8, 8)
    assert found.notes[0].endswith("(8 of 8 files are in colour)")


def test_files_that_are_no_image_are_refused_by_name_or_skipped_and_told(root: Path) -> None:
    files = sorted((root / "in").rglob("*.png"))
    for path in files[2:7]:
        rewritten(path, lambda content: b"")
    with pytest.raises(UserError) as raised:
        images(root)
    (line,) = str(raised.value).splitlines()
    skipped = images(root, unreadable="skip")

    assert line.startswith("dataset.path: expected files that are images, found 5 of 8 that are ")
    assert f"{files[2]}: an empty file" in line
    assert line.endswith("and 2 more; mend or remove them, or try dataset.unreadable=skip")
    assert [photo.path for photo in skipped.photos] == [*files[:2], files[7]]
    assert len(skipped.inputs) == 3
    assert skipped.notes[1] == f"files that are no image, skipped: 5, first {files[2]}"
    assert np.array_equal(skipped.inputs[:].any(axis=(1, 2, 3)), [True] * 3)


def test_what_else_lies_there_is_told(root: Path) -> None:
    (root / "in" / "cat" / "notes.txt").write_text("")
    put(root / "more" / "a" / "cat" / "deep" / "1.png")
    put(root / "more" / "a" / "dog" / "1.png", 1)

    assert images(root).notes[1:] == ["left out: 1 .txt"]
    guessed, deeper = images(root, path=str(root / "more")).notes[1:]
    assert guessed.startswith("read as folders of domains (a) with folders of classes (cat, dog); ")
    assert deeper == "images in folders within that of their class, read as its own: 1"
    assert images(root, path=str(root / "more"), layout="domain").notes[1:] == [deeper]


def test_a_cache_in_nobodys_home_is_refused(root: Path) -> None:
    with pytest.raises(UserError, match=r"^dataset.cache: .*nobody's home"):
        images(root, cache="~nobody-of-that-name/cache")
