import os
import socket
from pathlib import Path

import pytest

from tlrun.core.errors import UserError
from tlrun.core.paths import no_folder, open_file, own_path, path_to_read, read_text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "~nobody-of-that-name/x",
            "k: expected a path, found ~nobody-of-that-name/x, nobody's home",
        ),
        ("a\0b", "k: expected a path, found a NUL in a\0b"),
        ("b/" + "ä" * 128, "k: expected names of at most 255 bytes, found 256: b/ä"),
        ("a/" * 2500, "k: expected a path of at most 4096 bytes, found 4999: a/a/"),
        ("\ud800", "k: expected a path, found \ud800, which is no text"),
    ],
)
def test_what_no_system_can_name_is_a_line(text: str, line: str) -> None:
    with pytest.raises(UserError) as caught:
        own_path(text, "k")

    assert caught.value.lines[0].startswith(line)
    assert len(caught.value.lines[0]) < 200


def test_every_other_path_stays_and_the_home_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")

    for text in ("a", "/a/b", "größe [1]/x", "a" * 255, os.fsdecode(b"\xff")):
        assert own_path(text, "k") == Path(text)
        assert path_to_read(text, "k") == Path(text)
    assert own_path("~/x", "k") == Path("/home/me/x")


@pytest.mark.parametrize("kind", ["a device", "a pipe", "a socket"])
def test_from_what_one_may_read_for_ever_nothing_is_read(here: Path, kind: str) -> None:
    place = Path("odd")
    if kind == "a device":
        place.symlink_to("/dev/zero")
    elif kind == "a pipe":
        os.mkfifo(place)
    else:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind("odd")
    with pytest.raises(UserError, match=f"k: expected a plain file or a folder, found odd, {kind}"):
        path_to_read("odd", "k")
    assert own_path("odd", "k") == place  # to write to


@pytest.mark.parametrize("kind", ["a device", "a pipe", "a link to a pipe", "a folder", "a file"])
def test_only_a_plain_file_is_opened_and_nothing_is_waited_for(here: Path, kind: str) -> None:
    place = Path("odd")
    if kind == "a device":
        place.symlink_to("/dev/zero")
    elif kind == "a pipe":
        os.mkfifo(place)
    elif kind == "a link to a pipe":
        os.mkfifo("pipe")
        place.symlink_to("pipe")
    elif kind == "a folder":
        place.mkdir()
    else:
        place.write_text("größe\n", encoding="utf-8")
        assert read_text(place) == "größe\n"
        return
    for read in (open_file, read_text):
        with pytest.raises(OSError, match=r"it is no file|Is a directory"):
            read(place)


def test_what_stands_in_the_place_of_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "to it").symlink_to("folder")
    (tmp_path / "file").touch()
    (tmp_path / "to a file").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "to nothing").symlink_to("nothing")
    link = "a link that leads to no folder"
    found = {
        "folder": "", "to it": "", "nothing": "", "file/below": "", "file": "a file",
        "to a file": "a file", "pipe": "a pipe", "loop": link, "to nothing": link,
    }  # fmt: skip

    assert {name: no_folder(tmp_path / name) for name in found} == found
