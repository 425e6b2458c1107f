import unicodedata
from pathlib import Path

import pytest

from tlrun.core.errors import UserError
from tlrun.data.images.folders import Photo
from tlrun.data.images.photo_groups import groups_by_file, groups_by_name

INSIDE = ["patient1_a.png", "p/patient22/b.png", "patient1_é.png"]
PHOTOS = [Photo(Path("/in/cat", name), "home", "cat7", name, f"cat7/{name}") for name in INSIDE]


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("pattern", "groups"),
    [
        (r"patient\d+", ["patient1", "patient22", "patient1"]),
        (r"patient(\d+)", ["1", "22", "1"]),
        (r"(pat)ient(\d)(x)?", ["pat/1", "pat/2", "pat/1"]),
    ],
)
def test_a_pattern_names_groups(pattern: str, groups: list[str]) -> None:
    assert groups_by_name(PHOTOS, pattern) == groups


@pytest.mark.parametrize("pattern", [r"patient1", "cat7", "x*"])
def test_a_file_without_a_group_is_named(pattern: str) -> None:
    """The name of the class is no part of what is searched."""
    with pytest.raises(UserError, match=r"^dataset.group: .*, not in p.*\.png of class cat"):
        groups_by_name(PHOTOS, pattern)


def test_a_file_names_groups_by_paths_below_the_root_or_by_domains(tmp_path: Path) -> None:
    file = write(
        tmp_path / "groups.csv",
        "\ufeffgroup,file,more",
        "one,cat7/patient1_a.png,x",
        "two,home/cat7/p/patient22/b.png,",
        f"one,.\\cat7\\{unicodedata.normalize('NFD', 'patient1_é.png')},",
        "three,cat7/gone.png,",
    )

    assert groups_by_file(PHOTOS, file) == ["one", "two", "one"]


REFUSED = [
    (["file,group", "cat7/patient1_a.png,1"], r"a line for every image in .*, found none of cat7"),
    (["name,group", "a,b"], r"line 1 to name the columns file and group, found name, group in"),
    ([""], r"line 1 to name the columns file and group, found nothing in"),
    (["file,group", "a.png,"], r"a file and a group in line 2 of"),
    (["file,group", "a.png"], r"a file and a group in line 2 of"),
    (["file,group", "a.png,1", "a.png,2"], r"one group of a.png, found 1 and 2 in"),
    (["file,group", '"a.png,1'], r"a CSV file in UTF-8"),
]


@pytest.mark.parametrize(("lines", "words"), REFUSED)
def test_a_file_that_says_nothing_clear_is_refused_in_one_line(
    tmp_path: Path, lines: list[str], words: str
) -> None:
    with pytest.raises(UserError, match=rf"^dataset.group_file: expected {words}") as raised:
        groups_by_file(PHOTOS, write(tmp_path / "groups.csv", *lines))
    assert len(str(raised.value).splitlines()) == 1


def test_no_file_and_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.csv").write_bytes("file,group\né,1".encode("latin-1"))
    for name in ("gone.csv", "latin.csv"):
        with pytest.raises(UserError, match=rf"expected a CSV file in UTF-8, found .*{name}: "):
            groups_by_file(PHOTOS, tmp_path / name)
