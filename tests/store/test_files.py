import errno
import json
import math
import os
from contextlib import nullcontext
from pathlib import Path

import pytest

from tlrun.core.errors import Terminated
from tlrun.store.files import (
    append_json,
    read_json,
    sync_folder,
    whole_folder,
    write_json,
    write_over,
    write_whole,
)


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt(), Terminated(15)])
def test_what_fails_or_is_stopped_while_it_writes_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    path = tmp_path / "a.txt"
    write_whole(path, b"old")

    def crash(_: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(type(error)):
        write_whole(path, b"new")

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("old", [b"a longer one, which has to go", b"", b"x" * 5000])
def test_a_file_is_written_over_in_its_own_blocks(tmp_path: Path, old: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(old)
    inode = path.stat().st_ino
    write_over(path, b"new")

    assert path.read_bytes() == b"new"
    assert path.stat().st_ino == inode
    path.write_bytes(old)
    with pytest.raises(OSError, match="No space"):
        write_over(path, b"x" * 5001)
    assert path.read_bytes() == old


def test_json_is_strict_and_comes_back(tmp_path: Path) -> None:
    value = {"lam": math.inf, "text": "λ", "list": [1, 2.5, None]}
    write_json(tmp_path / "a.json", value)

    assert read_json(tmp_path / "a.json") == {"lam": "inf", "text": "λ", "list": [1, 2.5, None]}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    with pytest.raises(ValueError, match="Out of range"):
        write_json(tmp_path / "a.json", {"x": math.nan})


def test_lines_are_appended(tmp_path: Path) -> None:
    for step in range(3):
        append_json(tmp_path / "m.jsonl", {"step": step})

    assert [
        json.loads(line)["step"] for line in (tmp_path / "m.jsonl").read_text().splitlines()
    ] == [0, 1, 2]


@pytest.mark.parametrize("text", ["", "{", "[1]", "nonsense"])
def test_what_is_no_json_object_is_an_error_of_value(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)

    with pytest.raises(ValueError):  # noqa: PT011  # the text of the parser is its own
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EIO])
def test_a_folder_that_cannot_be_synced_is_no_failure_and_a_broken_disk_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fails(_: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match="error") if number == errno.EIO else nullcontext():
        sync_folder(tmp_path)


def test_a_pipe_is_no_json_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.json")

    with pytest.raises(OSError, match="it is no file"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt(), Terminated(15)])
def test_a_folder_that_was_not_written_to_the_end_leaves_the_old_one_and_nothing_else(
    tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / "home" / "a"
    with whole_folder(path) as folder:
        (folder / "old").touch()

    def stopped() -> None:
        with whole_folder(path) as folder:
            (folder / "new").touch()
            raise error

    with pytest.raises(type(error)):
        stopped()
    assert [each.name for each in path.iterdir()] == ["old"]
    assert list(path.parent.iterdir()) == [path]
    with whole_folder(path, synced=False) as folder:
        (folder / "new").touch()
    assert [each.name for each in path.iterdir()] == ["new"]
    assert list(path.parent.iterdir()) == [path]


def test_of_a_folder_every_file_is_synced_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, path = set[int](), tmp_path / "home" / "a"
    before, fsync = list[bool](), os.fsync

    def note(descriptor: int) -> None:
        fsync(descriptor)
        synced.add(os.fstat(descriptor).st_ino)
        before.append(not path.exists())

    monkeypatch.setattr(os, "fsync", note)
    with whole_folder(path) as folder:
        (folder / "b" / "c").mkdir(parents=True)
        for name in ("x", "b/y", "b/c/z"):
            (folder / name).touch()

    above = [tmp_path, path.parent]
    assert synced == {each.stat().st_ino for each in [*above, path, *path.rglob("*")]}
    assert before == [True] * (len(synced) - 2) + [False, False]
