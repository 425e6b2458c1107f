import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tlrun.core.errors import UserError
from tlrun.data.images.folders import Scanned, clean, listed, scan


def tree(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
    return root


def told(scanned: Scanned) -> list[tuple[str, str, str]]:
    return [(photo.domain, photo.label, photo.inside) for photo in scanned.photos]


def test_folders_of_classes_are_one_domain_called_as_the_root(tmp_path: Path) -> None:
    scanned = scan(tree(tmp_path / "my.photos", "owl/1.png", "cat/2.png", "cat/1.png"), "path")

    assert told(scanned) == [
        ("my_photos", "cat", "1.png"),
        ("my_photos", "cat", "2.png"),
        ("my_photos", "owl", "1.png"),
    ]
    assert [photo.below for photo in scanned.photos] == ["cat/1.png", "cat/2.png", "owl/1.png"]
    assert not scanned.grouped


def test_folders_of_folders_are_domains_and_what_lies_deeper_is_of_the_class(
    tmp_path: Path,
) -> None:
    root = tree(tmp_path, "photo/cat/1.png", "photo/cat/p7/x/2.png", "sketch.v1/cat/1.png")
    scanned = scan(root, "path")

    assert told(scanned) == [
        ("photo", "cat", "1.png"),
        ("photo", "cat", "p7/x/2.png"),
        ("sketch_v1", "cat", "1.png"),
    ]
    assert scanned.grouped
    assert scanned.deeper == 1
    assert scanned.photos[1].below == "photo/cat/p7/x/2.png"


@pytest.mark.parametrize("above", ["", "photo/", "sketch/"])
def test_folders_may_say_who_tests(tmp_path: Path, above: str) -> None:
    for side in ("Training", "valid", "test"):
        tree(tmp_path, f"{side}/{above}cat/{side}.png")
    scanned = scan(tmp_path, "path", sides=True)

    assert {photo.side for photo in scanned.photos} == {"train", "val", "test"}
    assert {photo.domain for photo in scanned.photos} == {above.strip("/") or clean(tmp_path.name)}
    assert f"Training/{above}cat/Training.png" in {photo.below for photo in scanned.photos}


def test_what_was_left_out_is_listed(tmp_path: Path) -> None:
    root = tree(tmp_path, "a/1.png", "a/Thumbs.db", "b/1.png", "b/x.txt", "b/y.TXT", "b/.hidden")

    assert listed(scan(root, "path").left_out) == "1 .db, 2 .txt, 1 hidden"


REFUSED: list[tuple[Sequence[str], bool, str]] = [
    ((), False, r"expected images in folders, one for each class, found none in .*root"),
    (("cat/a.txt",), False, r"expected images in .*, found none in .*root \(but 1 .txt\)"),
    (("1.png",), False, r"expected all images of .*, found 1.png and others in no folder .*"),
    (("1.png", "cat/1.png"), False, r"expected all images of .*, found 1.png beside the folders"),
    (("cat/1.png", "dog/"), False, r".* the folder of every class, found none in .*root/dog; .*"),
    (("a/cat/1.png", "a/dog/x.txt"), False, r".* every class, found none in .*root/a/dog; .*"),
    (("a/cat/1.png", "b/"), False, r".* every domain, found none in .*root/b; .*"),
    (("cat/1.png", "a/dog/1.png"), False, r".*found images in cat itself, and .* within a"),
    (("a/1.png", "a/dog/1.png"), False, r".*found images in a and in folders within it"),
    (("train/cat/1.png", "test/cat/1.png"), False, r".*found test, train in .*split=folders"),
    (("train/cat/1.png", "dog/cat/1.png"), True, r"dataset.split: .*found dog, train in .*"),
    (("train/cat/1.png", "val/cat/1.png"), True, r"dataset.split: .*found train, val in .*"),
    (("test/1.png", "train/cat/1.png"), True, r".*found 1.png and others in no folder .*"),
    (("test/cat/1.png", "train/a/cat/1.png"), True, r".*to train and to test, found classes .*"),
    (
        ("test/a/1.png", "val/a/1.png", "valid/a/1.png", "train/a/1.png"),
        True,
        r"dataset.split: .*found test, train, val, valid in .*",
    ),
]


@pytest.mark.parametrize(("names", "sides", "words"), REFUSED)
def test_folders_that_say_nothing_clear_are_refused_in_one_line(
    tmp_path: Path, names: Sequence[str], sides: bool, words: str
) -> None:
    root = tree(tmp_path / "root", "./", *names)
    with pytest.raises(UserError) as raised:
        scan(root, "path", sides)

    (line,) = str(raised.value).splitlines()
    assert line.startswith(("dataset.path: ", "dataset.split: "))
    assert re.fullmatch(rf".*{words}.*", line), line


def test_no_folder_and_a_file_are_refused(tmp_path: Path) -> None:
    tree(tmp_path, "a.zip")
    for name in ("nowhere", "a.zip"):
        with pytest.raises(UserError, match=f"^dataset.source_path: expected a folder .*{name}"):
            scan(tmp_path / name, "source_path")


def test_names_of_domains_hold_no_dot_or_slash() -> None:
    assert [clean(name) for name in ("a.b", "a/b", "")] == ["a_b", "a_b", "photos"]


def test_folders_of_patients_are_of_their_class_where_that_is_said(tmp_path: Path) -> None:
    """Nothing tells them from domains with classes but the user."""
    root = tree(tmp_path / "photos", "cat/p1/1.png", "cat/p2/1.png", "dog/p3/1.png", "dog/2.png")

    scanned = scan(root, "path", layout="class")
    assert [(photo.domain, photo.label, photo.inside) for photo in scanned.photos] == [
        ("photos", "cat", "p1/1.png"),
        ("photos", "cat", "p2/1.png"),
        ("photos", "dog", "2.png"),
        ("photos", "dog", "p3/1.png"),
    ]
    assert not scanned.grouped
    with pytest.raises(UserError, match=r"try dataset\.layout=class"):
        scan(root, "path")


def test_folders_of_images_are_no_domains(tmp_path: Path) -> None:
    root = tree(tmp_path / "photos", "cat/1.png", "dog/1.png")

    with pytest.raises(UserError, match=r"dataset.layout: .* found images in cat itself"):
        scan(root, "path", layout="domain")
