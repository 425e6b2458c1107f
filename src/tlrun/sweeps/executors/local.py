"""Jobs as processes from a warm fork server.

Torch is imported once, and a process that dies takes no other along.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import connection, get_all_start_methods, get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from tlrun.data.base import Dataset
from tlrun.sweeps.executors.base import Job, JobResults, Watcher

SERVER_DIED = "the server that starts processes died, so nobody knows how this one ended"
GRACE = 10.0  # seconds a process has to write down that it was interrupted


@dataclass
class _Running:
    job: Job
    process: BaseProcess
    channel: connection.Connection
    stage: tuple[str, int] = ("", 0)
    reason: str = ""
    found: bool = False


@dataclass(frozen=True)
class LocalExecutor:
    """Runs jobs as processes of this machine. processes: how many at a time."""

    processes: int

    def prepare(self, dataset: Dataset) -> None:
        """Start the fork server: it imports torch while this process reads the data."""
        _context([dataset])

    def run(self, jobs: Sequence[Job], watcher: Watcher) -> JobResults:
        """Train every run. A signal ends all processes first."""
        context = _context(job.plan.run.dataset for job in jobs)
        waiting, running = deque(jobs), dict[int, _Running]()
        results = JobResults()
        try:
            while waiting or running:
                while waiting and len(running) < self.processes:
                    with signals_held_back():  # a process half started would be nobody's
                        started = _start(context, waiting.popleft())
                        running[started.process.sentinel] = started
                    watcher.started(started.job.title)
                for over in _over(running, watcher):
                    del running[over.process.sentinel]
                    _end(over, results, watcher)
        finally:
            _stop(list(running.values()))
        return results


def _context(datasets: Iterable[Dataset]) -> Any:
    """What starts processes: a fork server that imports what every run needs, where there is one.

    It is a context of multiprocessing. datasets: what they import when they load is imported too,
    unless the server is there already; then each process does it by itself.
    """
    methods = get_all_start_methods()
    context = get_context("forkserver" if "forkserver" in methods else "spawn")
    if context.get_start_method() == "forkserver":
        needed: dict[str, None] = {"tlrun.sweeps.executors.worker": None}
        for dataset in datasets:
            with suppress(Exception):  # a stranger's, and loading tells better what is wrong
                needed |= dict.fromkeys(getattr(dataset, "imports", tuple)())
        context.set_forkserver_preload(list(needed))
        _start_server()
    return context


def _over(running: Mapping[int, _Running], watcher: Watcher) -> list[_Running]:
    """Wait until a process says something or ends, and pass on what was said.

    running: by the sentinel of the process. Returns those that have ended.
    """
    channels = [each.channel for each in running.values() if not each.channel.closed]
    ready = connection.wait([*running, *channels])
    for each in running.values():
        if each.channel in ready:
            _listen(each, watcher)
    return [each for sentinel, each in running.items() if sentinel in ready]


def _end(over: _Running, results: JobResults, watcher: Watcher) -> None:
    """Take down how a process that has ended went."""
    # what a run left behind may hold it open
    while not over.channel.closed and over.channel.poll(0):
        _listen(over, watcher)
    over.channel.close()
    over.process.join()
    reason = over.reason or _fate(over.process.exitcode)
    if reason == SERVER_DIED:
        results.unknown[over.job] = reason
    elif reason:
        results.failed[over.job] = reason
    elif over.found:
        results.found.add(over.job)
    watcher.finished(over.job.title, reason)


def _start_server() -> None:
    """Start the fork server deaf to Ctrl-C, which is for the launcher alone.

    It may come while the server imports torch.
    """
    from multiprocessing.forkserver import ensure_running

    before = None
    if threading.current_thread() is threading.main_thread():  # no other may set signals
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        ensure_running()
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


@contextmanager
def signals_held_back() -> Iterator[None]:
    """Signals that would end this process do so when it is over.

    Their handlers are put aside, and called then: a mask would not do, for another thread may get
    the signal and Python still handles it in this one.
    """
    caught: list[tuple[int, FrameType | None]] = []
    before: dict[int, Callable[[int, FrameType | None], Any]] = {}

    def note(number: int, frame: FrameType | None) -> None:
        caught.append((number, frame))

    if threading.current_thread() is threading.main_thread():  # no other may set signals
        for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            handler = signal.getsignal(number)
            if callable(handler) and number not in before:
                before[number] = handler
                signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number, frame in caught:
            before[number](number, frame)


def _start(context: Any, job: Job) -> _Running:
    from tlrun.sweeps.executors.entry import enter

    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=enter, args=(Path.cwd(), job, theirs))
    with _without_main():
        process.start()
    theirs.close()  # so that the end of the process is the end of the pipe
    return _Running(job, process, ours)


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


def _listen(each: _Running, watcher: Watcher) -> None:
    """Pass on one message, or close the channel at its end."""
    try:
        kind, *values = each.channel.recv()
    except (EOFError, OSError):
        each.channel.close()
        return
    if kind == "note":
        watcher.note(each.job.title, values[0])
    elif kind == "failed":
        each.reason = values[0]
    elif kind == "found":
        each.found = True
    elif kind == "stage":
        each.stage = values[0], values[2]
        watcher.progress(each.job.title, values[0], 0, values[2])
    else:
        watcher.progress(each.job.title, each.stage[0], values[0], each.stage[1])


def _fate(code: int | None) -> str:
    """What an exit code says; empty for 0."""
    if code == 0:
        return ""
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = " (often: no memory left)" if name == "SIGKILL" else ""
        return f"killed by {name}{hint}"
    if code == 255:  # what multiprocessing says where nobody is left to ask
        return SERVER_DIED
    if code == 128 + signal.SIGTERM:
        return "stopped by SIGTERM"
    return f"the process ended with exit code {code}"


def _stop(running: Sequence[_Running]) -> None:
    """End the processes: first politely, so that each writes down that it was interrupted."""
    deadline = time.monotonic() + GRACE
    try:
        for each in running:
            each.process.terminate()
        for each in running:
            each.process.join(max(0.0, deadline - time.monotonic()))
    finally:  # also at a second Ctrl-C
        for each in running:
            each.process.kill()
            each.process.join()
            each.channel.close()
