"""What a process of a sweep does: one unit after another.

Imported once, by the fork server, so that no process waits for torch.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from multiprocessing import connection, parent_process
from pathlib import Path
from typing import NoReturn

import torch  # noqa: F401  # what costs seconds

import tlrun.models.model
import tlrun.runs.final_evaluation
import tlrun.training.loop  # noqa: F401  # with all that a run needs
from tlrun.core.errors import Terminated
from tlrun.core.notes import (
    CheckpointDamaged,
    EntryDamaged,
    HeadsTogether,
    Note,
    NotKept,
    StageResumed,
    StatisticsPooled,
    Waiting,
)
from tlrun.core.signals import ENDING, raise_it
from tlrun.runs.remembered import ProblemCache
from tlrun.runs.run import perform
from tlrun.runs.run_record import reason_of
from tlrun.strategies.base import Stage
from tlrun.sweeps.batched.together import Result, carry_out
from tlrun.sweeps.executors.base import Unit

# what a run alone can tell, of what it finds and does
TOLD = (
    CheckpointDamaged, EntryDamaged, HeadsTogether, NotKept, StageResumed, StatisticsPooled,
    Waiting,
)  # fmt: skip
TELL = 0.1  # seconds between reports of progress
ORPHANED = 128 + signal.SIGTERM if os.name == "nt" else 128 + signal.SIGKILL


class Reporter:
    """A run's screen that tells the launcher. What cannot be told is not worth failing for."""

    def __init__(self, channel: connection.Connection) -> None:
        self._channel = channel
        self._reported = 0.0  # when progress was last reported, on the monotonic clock

    def tell(self, kind: str, *values: str | int | bool | Note) -> None:
        """Send one message."""
        with suppress(OSError):  # the launcher is gone, and the watch will end this process
            self._channel.send((kind, *values))

    def note(self, note: Note, runs: int = 1) -> None:
        """Pass on what the run alone can tell; the other notes came when all runs were planned."""
        if isinstance(note, TOLD):
            self.tell("note", note)

    def begin(self, run: str, stage: Stage) -> None:
        """A stage starts."""
        self._reported = time.monotonic()
        self.tell("stage", stage.name, 0, stage.steps)

    def step(self, step: int, terms: Mapping[str, float]) -> None:
        """Progress, now and then."""
        now = time.monotonic()
        if now - self._reported >= TELL:
            self._reported = now
            self.tell("step", step)

    def end(self) -> None:
        """Nothing: the next stage, or the end of the process, says it."""


def work(channel: connection.Connection) -> NoReturn:
    """Carry out units until there is no more, and end this process.

    Its exit code is 0 where all is told; 143 where it was told to stop.
    """
    threading.Thread(target=_watch_launcher, daemon=True).start()
    for number in ENDING:  # Ctrl-C and the end of the terminal reach the launcher, which tells us
        signal.signal(number, raise_it if number == signal.SIGTERM else signal.SIG_IGN)
    if hasattr(os, "register_at_fork"):  # the end of the channel is to be ours
        os.register_at_fork(after_in_child=channel.close)
    reporter, here = Reporter(channel), Path.cwd()
    code = 0
    try:
        while (unit := _next(channel)) is not None:
            os.chdir(here)  # wherever a plug-in has gone
            _carry_out(unit, reporter)
            sys.stdout.flush()
            sys.stderr.flush()
            reporter.tell("ready")
    except Terminated:
        code = 128 + signal.SIGTERM
    sys.stdout.flush()
    sys.stderr.flush()
    channel.close()
    os._exit(code)  # without waiting for what a run may have left behind


def _next(channel: connection.Connection) -> Unit | None:
    """The next unit; None where there is none, or nobody left to give one."""
    try:
        unit: Unit | None = channel.recv()
    except (EOFError, OSError):
        return None
    return unit


def _carry_out(unit: Unit, reporter: Reporter) -> None:
    """Do all runs of a unit, and tell how each has ended."""
    left = {job: number for number, job in enumerate(unit.jobs)}  # those whose end is not told

    def over(result: Result) -> None:
        reporter.tell("over", left.pop(result.job), result.found, result.reason)

    try:
        _print_into(unit.jobs[0].log)
        if unit.stacked:
            carry_out(unit.jobs, reporter, over)
        else:
            (job,) = unit.jobs
            outcome = perform(job.plan, job.name, ProblemCache(), reporter, wait=True)
            over(Result(job, found=outcome.found))  # found: by a sweep that was quicker
    except Terminated:
        raise
    except BaseException as error:  # noqa: BLE001  # whatever it is, the launcher hears of it
        for job in list(left):
            over(Result(job, reason=reason_of(error, job.path)))
        with suppress(OSError):  # of a log on a full disk
            traceback.print_exc()
    for job in list(left):  # nothing may be lost without a word
        over(Result(job, reason="it was not carried out"))


def _print_into(log: Path) -> None:
    """Send everything that this process prints, crashes of C code included, to a file."""
    # another sweep of the same runs may have tidied up
    log.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(file)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    faulthandler.enable(sys.stderr)


def _watch_launcher() -> None:
    """End this process when the launcher is gone, however it went."""
    launcher = parent_process()
    if launcher is not None:
        connection.wait([launcher.sentinel])
        os._exit(ORPHANED)
