"""The harness itself: it sees every operation, and its disk loses what was not synced."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from reliability.harness_commands import STRATEGIES
from reliability.harness_disk import WAYS, Disk
from reliability.harness_hooks import Failing, Recorded
from reliability.harness_operations import watched
from reliability.harness_server import Server
from reliability.harness_strace import STRACE, seen_by_both


def some_work(root: Path) -> None:
    """A file that is written aside, synced, renamed and its name synced; another that is not."""
    (root / "kept").mkdir()
    with open(root / "kept" / ".new", "wb") as file:
        file.write(b"abc")
        file.flush()
        os.fsync(file.fileno())
    (root / "kept" / ".new").replace(root / "kept" / "whole")
    for folder in (root / "kept", root):
        number = os.open(folder, os.O_RDONLY)
        os.fsync(number)
        os.close(number)
    with open(root / "rows", "a", encoding="utf-8") as text:
        text.write("λ\n")
    (root / "gone").mkdir()
    (root / "gone" / "file").touch()
    shutil.rmtree(root / "gone")


def test_operations_are_seen_and_done(tmp_path: Path) -> None:
    seen = Recorded()
    with watched(tmp_path, seen):
        some_work(tmp_path)

    assert [operation.name for operation in seen.operations] == [
        *("mkdir", "open", "write", "fsync", "rename", "fsync", "fsync", "open", "write"),
        *("mkdir", "utime", "open", "unlink", "rmdir"),
    ]
    assert (tmp_path / "rows").read_text(encoding="utf-8") == "λ\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept", "rows"]
    assert open is __builtins__["open"]  # type: ignore[index]  # a dict in a module


def test_what_is_elsewhere_is_nobodys_business(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    seen = Recorded()
    with watched(tmp_path / "runs", seen):
        (tmp_path / "other").write_text("x")
        os.write(os.open(tmp_path / "more", os.O_CREAT | os.O_WRONLY), b"x")

    assert seen.operations == []


def test_a_short_write_leaves_half_and_an_error(tmp_path: Path) -> None:
    full = Failing(1, error=28, short=True)
    with watched(tmp_path, full), pytest.raises(OSError, match="No space left"):
        (tmp_path / "file").write_bytes(b"abcd")

    assert (tmp_path / "file").read_bytes() == b"ab"


def test_a_disk_keeps_what_was_synced(tmp_path: Path) -> None:
    seen = Recorded()
    with watched(tmp_path, seen):
        some_work(tmp_path)
    ends = {}
    for way in WAYS[:4]:
        disk = Disk(str(tmp_path), way == "kept path")
        for operation in seen.operations:
            disk.do(operation)
        ends[way] = disk.state(way)

    assert ends["lost"] == ends["kept path"] == {"kept": None, "kept/whole": b"abc"}
    assert ends["empty"] == ends["lost"] | {"rows": b""}
    assert ends["zeros"] == ends["lost"] | {"rows": b"\0\0\0"}


@pytest.mark.slow
@pytest.mark.skipif(STRACE is None, reason="needs strace")
@pytest.mark.parametrize("strategy", ["feature_transfer", "structure_transfer"])
def test_the_system_sees_the_same_operations(tmp_path: Path, strategy: str) -> None:
    ours, the_systems = seen_by_both(STRATEGIES[strategy], tmp_path / "runs")

    assert len(ours) > 90
    assert ours == the_systems


def died() -> None:
    raise ValueError("no such thing")


def test_a_job_that_raises_is_told(server: Server) -> None:
    with pytest.raises(AssertionError, match="no such thing"):
        server.run([(died, ())])
