import os
import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.errors import UserError
from tlrun.data.images.folder_tree import _ending, read_tree


def put(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")


def test_images_and_folders_are_read_in_order_and_the_rest_is_counted(tmp_path: Path) -> None:
    names = ["b/2.JPG", "b/1.png", "a/deep/x.tiff", "a/Thumbs.db", "note.txt", ".DS_Store",
             ".git/c.png", "__MACOSX/d.png", "b/README", "b/c.heic"]  # fmt: skip
    for name in names:
        put(tmp_path / name)
    (tmp_path / "b" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    left_out: Counter[str] = Counter()
    folder = read_tree(tmp_path, left_out, "dataset.path")

    assert [inside for inside, _ in folder.every()] == [
        "a/deep/x.tiff", "b/1.png", "b/2.JPG", "b/c.heic"
    ]  # fmt: skip
    assert left_out == {
        ".db": 1, ".txt": 1, "hidden": 1, "without ending": 1, "broken links": 1
    }  # fmt: skip
    assert folder.deep
    assert not folder.folders["b"].deep
    assert not folder.empty


def test_links_are_followed_and_circles_are_not(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere" / "a.png")
    put(tmp_path / "root" / "b" / "b.png")
    (tmp_path / "root" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root" / "b" / "up").symlink_to(tmp_path / "root")
    left_out: Counter[str] = Counter()
    folder = read_tree(tmp_path / "root", left_out, "dataset.path")

    assert [inside for inside, _ in folder.every()] == ["b/b.png", "linked/a.png"]
    assert left_out == {"links in a circle": 1}


def test_names_are_in_nfc_and_two_that_are_one_are_refused(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "café")
    put(tmp_path / decomposed / "a.png")
    assert list(read_tree(tmp_path, Counter(), "dataset.path").folders) == ["café"]
    put(tmp_path / "café" / "a.png")
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("this disk keeps names in one form")

    with pytest.raises(UserError, match=r"^dataset.path: expected names that differ .* café twice"):
        read_tree(tmp_path, Counter(), "dataset.path")


@pytest.mark.parametrize("name", [b"cl\xffass/a.png", b"cat/im\xffage.png"])
def test_names_that_are_no_text_are_refused(tmp_path: Path, name: bytes) -> None:
    try:
        put(tmp_path / os.fsdecode(name))
    except OSError:
        pytest.skip("this disk keeps only names that are text")

    with pytest.raises(UserError, match=r"^dataset.source_path: .*udcff.* in .*rename it$"):
        read_tree(tmp_path, Counter(), "dataset.source_path")


def test_odd_names_of_what_is_left_out_do_no_harm(tmp_path: Path) -> None:
    for name in ("cat/Icon\r", "cat/at 3.00\u202fPM.png"):  # as a Mac writes them
        put(tmp_path / name)
    left_out: Counter[str] = Counter()

    assert len(list(read_tree(tmp_path, left_out, "dataset.path").every())) == 1
    assert left_out == {"without ending": 1}


@given(st.text("ab.J", min_size=1).filter(lambda name: name not in (".", "..")))
def test_an_ending_is_the_one_that_pathlib_finds(name: str) -> None:
    assert _ending(name) == Path(name).suffix.lower()
