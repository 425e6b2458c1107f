"""tlrun.sweep carries out what the command line would, from any kind of script, and cleans up."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tlrun.api.sweep import sweep
from tlrun.cli.main import run as command_line
from tlrun.core.errors import RunFailed, Terminated, UserError
from tlrun.report.answer import Report
from tlrun.report.study.build import build_report
from tlrun.sweeps.executors.base import Job, JobResults, Watcher
from tlrun.sweeps.executors.local import LocalExecutor

from problems import TINY

WORDS = [*TINY, "strategy=parameter_transfer", "λ=0,inf", "seeds=2", "controls=false"]
SCRIPT = f"""
import tlrun
result = tlrun.sweep(*{WORDS}, runs_dir="there")
print(len(result.runs), result.trained, len(result.failures), tlrun.__name__, __name__)
"""


def child(arguments: Sequence[str], folder: Path, program: str = "") -> Any:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        input=program,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_it_answers_what_the_command_line_would_and_finds_its_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = sweep(*WORDS, runs_dir=tmp_path)
    printed = capsys.readouterr()
    assert command_line(["-m", *WORDS, f"runs_dir={tmp_path}"]) == 0
    shown = capsys.readouterr().out
    again = sweep(*WORDS, runs_dir=tmp_path)

    assert (printed.out, printed.err) == ("", "")
    assert (first.trained, first.found, len(first.runs)) == (4, 0, 4)
    assert (again.trained, again.found) == (0, 4)
    assert "0 trained now, 4 found" in shown
    assert [run.path for run in first.runs] == [run.path for run in again.runs]
    assert first.study == again.study == build_report([tmp_path], [first.study.id]).studies[0]
    assert first.page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert first.study.verdict in repr(first)
    assert first.study.verdict in " ".join(str(first).split())


def test_runs_that_jobs_share_are_there_once(tmp_path: Path) -> None:
    words = [*TINY, "strategy=feature_transfer", "lam.value=0,1", "seed=0"]
    result = sweep(*words, runs_dir=tmp_path)
    paths = [run.path for run in result.runs]

    assert len(paths) == len(set(paths)) == len(list(tmp_path.glob("*/*/*/result.json")))


def test_mistakes_are_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"lam\.value: expected"):
        sweep("lam.value=0,-1", "seeds=2", runs_dir=tmp_path / "none")

    assert not (tmp_path / "none").exists()


def failing(titles: str) -> Any:
    """An executor's `run` in which the runs with `titles` in their folder fail."""
    done = LocalExecutor.run

    def run(self: LocalExecutor, jobs: Sequence[Job], watcher: Watcher) -> JobResults:
        bad = [job for job in jobs if titles in job.title]
        results = done(self, [job for job in jobs if job not in bad], watcher)
        results.failed.update(dict.fromkeys(bad, "no memory left"))
        return results

    return run


def test_a_failed_run_is_warned_of_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LocalExecutor, "run", failing("lam=inf_seed=1"))
    with pytest.warns(RuntimeWarning, match="1 runs failed, the first .*: no memory left"):
        result = sweep(*WORDS, runs_dir=tmp_path)

    assert len(result.runs) == 3
    assert [failure.reason for failure in result.failures] == ["no memory left"]


def test_where_all_fail_there_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalExecutor, "run", failing("lam="))
    with pytest.raises(RunFailed, match="all 4 runs failed; the first: no memory left; log: "):
        sweep(*WORDS, runs_dir=tmp_path)


@pytest.mark.slow
def test_the_only_study_is_asked_for_by_that_name_alone(tmp_path: Path) -> None:
    result = sweep(*WORDS, "dataset.shift=noise,rotation", runs_dir=tmp_path)

    assert isinstance(result.report, Report)
    assert len(result.report.studies) == 2
    with pytest.raises(ValueError, match=r"expected one study, found 2; .* report\.studies"):
        _ = result.study


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "-c", "-"])
def test_a_script_needs_no_main_guard(kind: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT, encoding="utf-8")
    arguments = {"file": ["script.py"], "-c": ["-c", SCRIPT], "-": ["-"]}[kind]
    done = child(arguments, tmp_path, SCRIPT)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "4 4 0 tlrun __main__\n"


@pytest.mark.slow
def test_a_running_event_loop_on_another_thread_is_no_hindrance(tmp_path: Path) -> None:
    """As in a notebook, whose cells run inside the loop of the kernel."""
    program = f"""
import asyncio, json, threading, tlrun
async def cell():
    return tlrun.sweep(*{WORDS}, runs_dir="there")
found = []
thread = threading.Thread(target=lambda: found.append(asyncio.run(cell())))
thread.start(); thread.join()
again = asyncio.run(cell())
print(json.dumps([found[0].trained, again.found]))
"""
    done = child(["-c", program], tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == [4, 4]


def is_there(group: int) -> bool:
    """Whether a process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_ctrl_c_ends_the_processes_of_a_sweep_and_comes_as_keyboard_interrupt(
    tmp_path: Path,
) -> None:
    program = f"""
import multiprocessing, signal, tlrun
before = signal.getsignal(signal.SIGINT)
try:
    tlrun.sweep(*{WORDS}, "trainer.steps=1000000", runs_dir="there")
except KeyboardInterrupt:
    same = signal.getsignal(signal.SIGINT) is before
    print("stopped", len(multiprocessing.active_children()), same)
"""
    program = program.replace("'trainer.steps=4', ", "")
    started = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        while not list(tmp_path.glob("there/*/*/*/run.json")):
            assert started.poll() is None, started.communicate()
            time.sleep(0.05)
        os.killpg(started.pid, signal.SIGINT)  # as a terminal does
        out, errors = started.communicate(timeout=60)
    finally:
        started.kill()

    assert out == "stopped 0 True\n", errors
    assert errors == ""
    records = [json.loads(path.read_text()) for path in tmp_path.glob("there/*/*/*/run.json")]
    assert {record["status"] for record in records} == {"interrupted"}  # one, or all begun by then
    while is_there(started.pid):  # the fork server goes with its owner
        time.sleep(0.05)


@pytest.mark.parametrize("by", [KeyboardInterrupt(), Terminated(signal.SIGTERM)])
def test_a_signal_comes_as_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: KeyboardInterrupt | Terminated
) -> None:
    def stop(*_: object) -> JobResults:
        raise by

    monkeypatch.setattr(LocalExecutor, "run", stop)
    with pytest.raises(type(by)) as caught:
        sweep(*WORDS, runs_dir=tmp_path)

    assert caught.value is by
