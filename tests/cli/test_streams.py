"""What standard output cannot take ends nothing, and is told."""

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tlrun.cli import streams
from tlrun.cli.streams import Patient, lost

from problems import TINY

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.is_char_device(), reason="no /dev/full")


def tl_run(*words: str, here: Path, unbuffered: str = "") -> subprocess.CompletedProcess[str]:
    with open(FULL, "w") as out:
        return subprocess.run(
            [sys.executable, "-m", "tlrun", *words],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            cwd=here,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            check=False,
        )


@needs_full
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("words", [["--version"], ["--help"], ["ls"], ["help", "lam"]])
def test_where_it_is_full_a_command_says_so_in_a_line(
    tmp_path: Path, words: list[str], unbuffered: str
) -> None:
    done = tl_run(*words, here=tmp_path, unbuffered=unbuffered)

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("tl-run: standard output: No space left on device; not all of it")


@needs_full
def test_where_it_is_full_a_run_is_finished_all_the_same(tmp_path: Path) -> None:
    words = (*TINY, "strategy=scratch")
    done = tl_run(*words, here=tmp_path)

    assert done.returncode == 1
    assert "standard output: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    (record,) = tmp_path.glob("runs/*/*/*/run.json")
    assert '"status": "finished"' in record.read_text()


@needs_full
def test_what_is_taken_and_what_is_not(tmp_path: Path) -> None:
    with open(tmp_path / "x", "wb") as file, open(FULL, "wb") as full:
        well, ill = (
            Patient(file.fileno(), "w", closefd=False),
            Patient(full.fileno(), "w", closefd=False),
        )

        assert [well.write(b"abc"), ill.write(b"abc"), ill.write(memoryview(b"ab"))] == [3, 3, 2]
        assert (well.lost, ill.lost) == ("", "No space left on device")
    assert (tmp_path / "x").read_bytes() == b"abc"


@pytest.mark.parametrize("option", ["-u", "-X utf8"])
def test_where_python_is_to_keep_nothing_back_it_does_not(tmp_path: Path, option: str) -> None:
    program = """
import os, sys
from tlrun.cli import streams
streams.prepare()
print("a")
print("b", file=sys.stderr)
os._exit(0)  # as a process that is killed
"""
    asked = [sys.executable, *option.split(), "-c", program]
    env = {**os.environ, "PYTHONUNBUFFERED": ""}
    done = subprocess.run(asked, capture_output=True, text=True, env=env, check=True)

    assert (done.stdout, done.stderr) == ("a\n" if option == "-u" else "", "b\n")


def test_one_that_is_broken_otherwise_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    with open(tmp_path / "x", "rb") as file:
        patient = Patient(file.fileno(), "w", closefd=False)
        with pytest.raises(OSError, match="Bad file descriptor"):
            patient.write(b"abc")


def test_streams_of_somebody_else_are_left_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a notebook's; those of this process are closed at its end by nobody else."""
    shown = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # what a broken pipe does here stays
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(io.BytesIO()))
    streams.prepare()
    print("λ = 1")

    assert sys.stdout is shown
    assert lost() == ""
    assert shown.buffer.getvalue() == b"? = 1\n"
