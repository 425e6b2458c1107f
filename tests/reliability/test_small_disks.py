"""A disk that is full, or only read: a real one, of memory, where this process may mount it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tlrun.cli import main as cli
from tlrun.cli.clean_items import HALF_WRITTEN
from tlrun.core.errors import TlrunError
from tlrun.store.finished import finish
from tlrun.store.rundir import RunDir

from problems import TINY
from properties import assert_one_line_each

COMMAND = [*TINY, "controls=false", "strategy=joint"]
FULL = "no space left on the disk"


@pytest.fixture
def disk(here: Path) -> Iterator[Path]:
    """An empty disk of 2 MB."""
    place = here / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no disk may be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(disk: Path) -> None:
    """Not a byte is left."""
    with open(disk / "filler", "ab", buffering=0) as file:
        for size in (2**16, 2**10, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                pass


def answered(disk: Path, *more: str) -> int:
    """The exit code of the command, for runs below the disk."""
    try:
        return cli.run([*COMMAND, f"runs_dir={disk}/runs", *more])
    except TlrunError as error:
        return error.exit_code


def left(disk: Path) -> list[Path]:
    """What is half-written."""
    return [path for path in disk.rglob("*") if HALF_WRITTEN.fullmatch(path.name)]


def first(do: Callable[[], object], then: Callable[..., Any]) -> Callable[..., Any]:
    """`then`, once `do` is done."""

    def both(*asked: Any, **options: Any) -> Any:
        do()
        return then(*asked, **options)

    return both


@pytest.mark.parametrize("when", ["at an evaluation", "at the end"])
def test_a_disk_that_fills_up_fails_the_run_and_the_same_command_goes_on_when_there_is_room(
    disk: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    with monkeypatch.context() as patched:
        if when == "at an evaluation":
            patched.setattr(RunDir, "log", first(lambda: fill(disk), RunDir.log))
        else:
            patched.setattr("tlrun.runs.run.finish", first(lambda: fill(disk), finish))
        assert answered(disk) == 1
    (file,) = disk.rglob("run.json")
    record = json.loads(file.read_text())

    assert record["status"] == "failed"
    assert FULL in record["reason"]
    assert left(disk) == []
    (disk / "filler").unlink()
    assert answered(disk) == 0
    assert json.loads(file.read_text())["status"] == "finished"


def test_a_disk_that_is_full_before_is_one_line(
    disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(disk)
    assert answered(disk) in (1, 2)

    errors = capsys.readouterr().err
    assert "Traceback" not in errors
    assert left(disk) == []
    (disk / "filler").unlink()
    assert answered(disk) == 0


def test_what_is_finished_is_answered_from_a_disk_that_is_only_read(
    disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert answered(disk) == 0
    (run,) = (file.parent for file in disk.rglob("result.json"))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    try:
        capsys.readouterr()
        assert answered(disk) == 0
        assert "found" in capsys.readouterr().out
        for command in (["show", run.name], ["report"], ["ls"], ["doctor", "--verify"]):
            assert cli.run([*command, "--runs-dir", f"{disk}/runs"]) == 0, command
        capsys.readouterr()
        assert answered(disk, "seed=1") == 2
        assert_one_line_each(capsys.readouterr().err, "runs_dir: expected a folder that can be")
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)


def test_a_sweep_that_is_finished_is_too(disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = ["-m", "seed=0,1"]
    assert answered(disk, *sweep) == 0
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    try:
        capsys.readouterr()
        assert answered(disk, *sweep) == 0
        shown = capsys.readouterr()
        assert "0 trained now, 2 found" in shown.out
        assert "Read-only file system" in shown.out  # there is no page
        assert answered(disk, "-m", "seed=2,3") == 2
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
