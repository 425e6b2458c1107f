"""Files of FDU-MTL: the folder and the archive are one, and what is no review is named."""

import io
import tarfile
from pathlib import Path

import pytest

from tlrun.core.errors import UserError
from tlrun.data.texts.fdu_files import files_of, reviews

NAMES = ("books", "dvd")
LINES = "1\tA fine  book .\n0\ta dull caf\xe9\n\n1\t \n"


def put(root: Path, **changes: str) -> Path:
    """The four files of two domains; by their names with _ for dots, others."""
    root.mkdir(exist_ok=True)
    for name in NAMES:
        for side in ("train", "test"):
            text = changes.get(f"{name}_{side}", LINES)
            (root / f"{name}.task.{side}").write_bytes(text.encode("latin-1"))
    return root


def archive(path: Path, folder: Path, within: str = "fdu-mtl") -> Path:
    with tarfile.open(path, "w:xz") as opened:
        for file in sorted(folder.iterdir()):
            opened.add(file, f"{within}/{file.name}")
        opened.addfile(tarfile.TarInfo("fdu-mtl/LICENSE"), io.BytesIO())
    return path


def cells(path: Path, *names: str) -> dict[str, list[str]]:
    table = reviews(str(path), names or NAMES).table
    return {name: column.text.to_pylist() for name, column in table.columns.items()}


def test_every_line_is_a_review(tmp_path: Path) -> None:
    found = reviews(str(put(tmp_path / "a")), NAMES)

    assert cells(tmp_path / "a") == {
        "label": ["for", "against"] * 4,
        "text": ["A fine book .", "a dull caf\xe9"] * 4,
        "domain": ["books"] * 4 + ["dvd"] * 4,
        "split": ["train", "train", "test", "test"] * 2,
    }
    assert found.notes == ("reviews without a word, skipped: 4",)
    assert found.text.place(3) == "line 2 of books.task.test"
    assert (found.made_of, found.task) == (("text",), "domain")


def test_the_archive_is_the_folder_and_is_never_unpacked(tmp_path: Path) -> None:
    folder = put(tmp_path / "a")
    packed = archive(tmp_path / "fdu.tar.xz", folder)
    before = sorted(tmp_path.rglob("*"))

    assert cells(packed) == cells(folder)
    assert cells(packed, "dvd") == cells(folder, "dvd")
    assert files_of(str(packed), NAMES) == [packed]
    assert len(files_of(str(folder), NAMES)) == 4
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("line", ["2\tgood\n", "good\n", "\tgood\n", "1 good\n"])
def test_what_is_no_review_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    folder = put(tmp_path / "a", books_test=f"1\tfine\n{line}")

    with pytest.raises(UserError, match=r"in line 2 of books\.task\.test") as told:
        reviews(str(folder), NAMES)
    assert "\n" not in str(told.value)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    folder = put(tmp_path / "a")
    packed = archive(tmp_path / "fdu.tar.xz", folder)

    with pytest.raises(UserError, match=r"no baby\.task\.train in it"):
        reviews(str(folder), ("baby",))
    with pytest.raises(UserError, match=r"no baby\.task\.train in it"):
        reviews(str(packed), ("baby",))
    (tmp_path / "fdu.zip").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"fdu\.zip, and it is no tar archive; try"):
        files_of(str(tmp_path / "fdu.zip"), NAMES)
    with pytest.raises(UserError, match=r"nothing there; try dataset\.path=fdu-mtl\.tar\.xz"):
        reviews(str(tmp_path / "b"), NAMES)
    with pytest.raises(UserError, match="nobody's home"):
        reviews("~nobody-at-all/x", NAMES)


@pytest.mark.parametrize("content", ["", "\n\n", "1\t \n"])
@pytest.mark.parametrize("side", ["train", "test"])
def test_a_file_without_a_review_is_refused(tmp_path: Path, side: str, content: str) -> None:
    """Or a domain that was asked for would be missing from the problem, untold."""
    folder = put(tmp_path / "a", **{f"books_{side}": content})

    with pytest.raises(UserError, match=rf"reviews in books\.task\.{side}, found none"):
        reviews(str(folder), NAMES)


def test_a_damaged_archive_or_one_that_leads_out_is_refused(tmp_path: Path) -> None:
    folder = put(tmp_path / "a")
    whole = archive(tmp_path / "fdu.tar.xz", folder).read_bytes()
    for name, content in (("cut", whole[:-200]), ("other", b"no archive")):
        (tmp_path / f"{name}.tar.xz").write_bytes(content)
        with pytest.raises(UserError, match=r"a whole \.tar archive in"):
            reviews(str(tmp_path / f"{name}.tar.xz"), NAMES)
    out = archive(tmp_path / "out.tar.xz", folder, "../../etc")
    with pytest.raises(UserError, match="paths that stay in the archive"):
        reviews(str(out), NAMES)
