"""`work` itself ends its process, so it is tried from outside, in test_local and test_main; here is
what it says."""

from multiprocessing import Pipe
from pathlib import Path

import pytest

from tlrun.core.notes import LamHasNoEffect, RunAnew, Waiting
from tlrun.strategies.base import Stage
from tlrun.strategies.schedules import Constant
from tlrun.sweeps.executors import worker
from tlrun.sweeps.executors.worker import Reporter

STAGE = Stage("source", ("source",), 100, lam=Constant(0.0))


def test_a_run_is_told_by_stage_and_now_and_then_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of a fifth of the time between two reports: one in five is told."""
    now = 0.0
    ours, theirs = Pipe(duplex=False)
    reporter = Reporter(theirs)
    with monkeypatch.context() as patch:
        patch.setattr("time.monotonic", lambda: now)
        reporter.begin("this run", STAGE)
        for step in range(1, 101):
            now += worker.TELL / 4.99
            reporter.step(step, {})
        reporter.end()
    told = []
    while ours.poll():
        told.append(ours.recv())

    assert told == [("stage", "source", 0, 100), *(("step", step) for step in range(5, 101, 5))]


def test_only_waiting_is_passed_on() -> None:
    ours, theirs = Pipe(duplex=False)
    reporter = Reporter(theirs)
    waiting = Waiting(path=Path("runs/x"), who="process 7 on a host", doing="working on it")
    reporter.note(RunAnew(path=Path("runs/x"), why="outdated", details="torch 1 then"))
    reporter.note(waiting)
    reporter.note(LamHasNoEffect())

    assert ours.recv() == ("note", waiting)
    assert not ours.poll()


def test_a_launcher_that_is_gone_fails_no_run() -> None:
    ours, theirs = Pipe(duplex=False)
    ours.close()
    theirs.close()
    Reporter(theirs).begin("this run", STAGE)

    assert worker.ORPHANED == 137
