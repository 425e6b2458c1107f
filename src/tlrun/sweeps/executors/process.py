"""One process of this machine, which carries out units, and what it says of them."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing import connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from tlrun.sweeps.executors.base import Job, JobResults, Unit, Watcher

NAMES = {each.value: each.name for each in signal.Signals}
SERVER_DIED = 255  # what multiprocessing says where nobody is left to ask
# Seconds of work after which a process is not given another unit: short runs would else take less
# time than their processes, and long ones each have one that nothing was done in before.
PACKED = 10.0


@dataclass(eq=False)
class Running:
    """A process at work. unit: what it carries out. left: jobs of that it has not told the end of.

    begun: when it was started, on the monotonic clock. ready: whether its unit is over, and it
    waits for another. whole: whether no run of it has failed. lost: whether the server that started
    it is dead: it goes on, and the end of its channel is the only sign of its own.
    """

    process: BaseProcess
    channel: connection.Connection
    unit: Unit
    begun: float
    left: list[Job] = field(default_factory=list)
    stage: tuple[str, int] = ("", 0)
    ready: bool = False
    whole: bool = True
    lost: bool = False

    @property
    def title(self) -> str:
        """What the watcher calls it: the run, or the first of several at once."""
        return self.unit.jobs[0].title

    def give(self, unit: Unit, watcher: Watcher) -> None:
        """Hand over a unit. Raises OSError where the process is gone."""
        self.unit, self.left, self.ready = unit, list(unit.jobs), False
        self.stage = ("", 0)
        watcher.started(self.title)
        self.channel.send(unit)

    def dismiss(self) -> None:
        """Let the process end: there is no more for it."""
        self.ready = False
        self.channel.send(None)

    @property
    def takes_more(self) -> bool:
        """Whether it waits, and may be given another unit."""
        return self.ready and self.whole and time.monotonic() - self.begun < PACKED

    def listen(self, results: JobResults, watcher: Watcher) -> None:
        """Pass on one message, or close the channel at its end."""
        try:
            kind, *values = self.channel.recv()
        except (EOFError, OSError):
            self.channel.close()
            return
        if kind == "note":
            watcher.note(self.title, values[0])
        elif kind == "over":
            number, found, reason = values
            self.end(self.unit.jobs[number], results, watcher, found=found, reason=reason)
        elif kind == "ready":
            self.ready = True
        elif kind == "stage":
            self.stage = values[0], values[2]
            watcher.progress(self.title, values[0], 0, values[2])
        else:
            watcher.progress(self.title, self.stage[0], values[0], self.stage[1])

    def end(
        self, job: Job, results: JobResults, watcher: Watcher, *, found: bool, reason: str
    ) -> None:
        """Take down how a job has ended."""
        self.left.remove(job)
        if reason:
            self.whole = False
            results.failed[job] = reason
        elif found:
            results.found.add(job)
        if job.title != self.title:  # of several at once the first stands for all
            watcher.started(job.title)
        watcher.finished(job.title, reason)

    def has_ended(self, ready: Collection[object]) -> bool:
        """Whether it has. ready: those of its sentinel and channel that have something to say."""
        if not self.lost and self.process.sentinel in ready:
            self.lost = self.process.exitcode == SERVER_DIED
            if not self.lost:
                return True
        return self.lost and self.channel.closed  # which may have come in one

    def over(self, results: JobResults, watcher: Watcher) -> list[Unit]:
        """Take down how a process that has ended went: what it has not told, its end tells.

        Returns what is to be carried out again, once. Of one that nobody knows the end of, that is
        what it has not told. Of one that was killed at several runs at once, each of them alone:
        one of them, or all together, may have been too large.
        """
        while not self.channel.closed and self.channel.poll(0):  # what a run left may hold it open
            self.listen(results, watcher)
        self.channel.close()
        self.process.join()
        code = self.process.exitcode
        if code is not None and self.left and not self.unit.again:
            if code == SERVER_DIED:
                return [replace(self.unit, jobs=tuple(self.left), again=True)]
            if code < 0 and len(self.left) > 1:
                return [replace(self.unit, jobs=(job,), again=True) for job in self.left]
        reason = fate(code)
        for job in list(self.left):
            self.end(job, results, watcher, found=False, reason=reason)
        return []

    def stop(self) -> None:
        """Ask it to end, and to write down that it was interrupted."""
        if self.lost:
            self._send(signal.SIGTERM)
        else:
            self.process.terminate()

    def wait(self, deadline: float) -> None:
        """Wait until it has ended, or until the `deadline` on the monotonic clock."""
        self.process.join(max(0.0, deadline - time.monotonic()))
        if self.process.exitcode != SERVER_DIED:
            return
        self.lost = True
        with suppress(EOFError, OSError):
            while self.channel.poll(max(0.0, deadline - time.monotonic())):
                self.channel.recv()

    def kill(self) -> None:
        """End it, however it goes."""
        if self.lost:
            self._send(signal.SIGKILL)
        self.process.kill()
        self.process.join()
        self.channel.close()

    def _send(self, number: signal.Signals) -> None:
        """Send a signal to a process that is nobody's child any more, if its channel is open."""
        with suppress(OSError):
            if not (self.channel.closed or self._is_at_end()) and self.process.pid:
                os.kill(self.process.pid, number)

    def _is_at_end(self) -> bool:
        try:
            while self.channel.poll(0):
                self.channel.recv()
        except (EOFError, OSError):
            return True
        return False


def start(context: Any, unit: Unit, watcher: Watcher) -> Running:
    """A process of a context of multiprocessing, with its first unit.

    Raises EOFError or OSError where the server that starts it has died.
    """
    from tlrun.sweeps.executors.entry import enter

    ours, theirs = context.Pipe()
    process = context.Process(target=enter, args=(Path.cwd(), theirs))
    with _without_main():
        process.start()
    theirs.close()  # so that the end of the process is the end of the pipe
    running = Running(process, ours, unit, time.monotonic())
    with suppress(OSError):  # it is gone already, and its end says so
        running.give(unit, watcher)
    return running


@contextmanager
def _without_main() -> Iterator[None]:
    """Processes that start within it do not run the user's script again.

    A new process imports the main module first: a script without a main guard would begin anew in
    each, and one from standard input could not be found. Nothing of a job is defined in it.
    """
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def fate(code: int | None) -> str:
    """Why a run is not finished, as the exit code of its process says it."""
    if code is not None and code < 0:
        name = NAMES.get(-code, f"signal {-code}")
        hint = " (often: no memory left)" if name == "SIGKILL" else ""
        return f"killed by {name}{hint}"
    if code == SERVER_DIED:
        return "its process died, and the server that starts processes too"
    if code == 128 + signal.SIGTERM:
        return "stopped by SIGTERM"
    return f"the process ended with exit code {code}"
