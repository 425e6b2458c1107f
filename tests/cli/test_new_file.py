"""What is there is never written over, unless the command has written it itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tlrun.cli.new_file import check_place, write
from tlrun.core.errors import UserError


def is_ours(place: Path) -> bool:
    return place.read_bytes().startswith(b"ours")


def check(place: Path) -> None:
    check_place("--out", "predict", place, is_ours)


def test_a_new_file_and_one_of_ours_are_written_whole(tmp_path: Path) -> None:
    place = tmp_path / "a"
    for content in (b"ours 1", b"ours 2"):
        check(place)
        write("--out", place, content)
        assert place.read_bytes() == content
    assert list(tmp_path.iterdir()) == [place]


def test_what_is_another_s_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("mine")
    with pytest.raises(UserError, match=r"--out: expected a new place, found .*tl-run predict"):
        check(tmp_path / "a")
    with pytest.raises(UserError, match="--out: expected a file to write to, found the folder "):
        check(tmp_path)


def test_a_place_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--out: expected a file in a folder that is there, found"):
        check(tmp_path / "no" / "a")
    with pytest.raises(UserError, match="--out: expected a place that can be written, found"):
        write("--out", tmp_path / "file" / "a", b"ours")


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for name, why in (("pipe", "a pipe"), ("loop", "Too many levels")):
        with pytest.raises(UserError, match=f"--out: expected .*{name}.*{why}"):
            check(tmp_path / name)


def test_a_link_stays_and_the_file_behind_it_is_written_where_it_is_ours(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    link, target = tmp_path / "link", tmp_path / "folder" / "target"
    link.symlink_to("folder/target")
    for content in (b"ours 1", b"ours 2"):
        check(link)
        write("--out", link, content)
        assert (link.is_symlink(), target.read_bytes()) == (True, content)
    target.write_bytes(b"mine")
    with pytest.raises(UserError, match="a new place"):
        check(link)


def test_a_link_to_a_folder_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("no/target")
    with pytest.raises(UserError, match="--out: expected a file in a folder that is there, found"):
        check(tmp_path / "link")


def test_a_full_disk_is_told_with_the_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")  # a write, which names no file

    monkeypatch.setattr("tlrun.cli.new_file.write_whole", full)
    with pytest.raises(UserError, match=f"found {tmp_path / 'a'}: No space left on device"):
        write("--out", tmp_path / "a", b"ours")
