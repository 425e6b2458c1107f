"""Jobs as processes from a warm fork server: torch is imported once, and a process that dies takes
no other along.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import connection, get_all_start_methods, get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from tlrun.sweeps.executors.base import JobResults, Watcher, Work

SERVER_DIED = "the server that starts processes died, so nobody knows how this one ended"


GRACE = 10.0  # seconds a process has to write down that it was interrupted


# What data sets import when they load: worth importing once where planning has shown that it is
# needed.
SHARED = ("sklearn.datasets", "scipy.ndimage", "torchvision.datasets")


@dataclass
class _Running:
    work: Work
    process: BaseProcess
    channel: connection.Connection
    stage: tuple[str, int] = ("", 0)
    reason: str = ""
    found: bool = False


def run_all(works: Sequence[Work], jobs: int, watcher: Watcher) -> JobResults:
    """Train every run, `jobs` at a time.

    Whatever ends this function early, a signal too, ends all processes first.
    """
    methods = get_all_start_methods()
    context = get_context("forkserver" if "forkserver" in methods else "spawn")
    if context.get_start_method() == "forkserver":
        context.set_forkserver_preload(
            ["tlrun.sweeps.executors.worker", *(name for name in SHARED if name in sys.modules)]
        )
        _start_server()
    waiting, running = deque(works), dict[int, _Running]()
    results = JobResults({}, set())
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                started = _start(context, waiting.popleft())
                running[started.process.sentinel] = started
                watcher.started(started.work.title)
            ready = connection.wait(
                [*running, *(each.channel for each in running.values() if not each.channel.closed)]
            )
            for each in [each for each in running.values() if each.channel in ready]:
                _listen(each, watcher)
            for sentinel in [sentinel for sentinel in list(running) if sentinel in ready]:
                over = running.pop(sentinel)
                # what a run left behind may hold it open
                while not over.channel.closed and over.channel.poll(0):
                    _listen(over, watcher)
                over.channel.close()
                over.process.join()
                reason = over.reason or _fate(over.process.exitcode)
                if reason:
                    results.failed[over.work] = reason
                elif over.found:
                    results.found.add(over.work)
                watcher.finished(over.work.title, reason)
    finally:
        _stop(list(running.values()))
    return results


def _start_server() -> None:
    """Start the fork server deaf to Ctrl-C, which is the launcher's; it may come while the server
    imports torch.
    """
    from multiprocessing.forkserver import ensure_running

    before = (
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if threading.current_thread() is threading.main_thread()
        else None
    )
    try:
        ensure_running()
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


def _start(context: Any, work: Work) -> _Running:
    from tlrun.sweeps.executors.entry import enter

    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=enter, args=(Path.cwd(), dict(work.config), work.name, work.log, theirs)
    )
    process.start()
    theirs.close()  # so that the end of the process is the end of the pipe
    return _Running(work, process, ours)


def _listen(each: _Running, watcher: Watcher) -> None:
    """Pass on one message, or close the channel at its end."""
    try:
        kind, *values = each.channel.recv()
    except (EOFError, OSError):
        each.channel.close()
        return
    if kind == "note":
        watcher.note(f"{each.work.title}: {values[0]}")
    elif kind == "failed":
        each.reason = values[0].removeprefix(f"{each.work.place}: ")  # the title says which
    elif kind == "found":
        each.found = True
    elif kind == "stage":
        each.stage = values[0], values[2]
        watcher.progress(each.work.title, values[0], 0, values[2])
    else:
        watcher.progress(each.work.title, each.stage[0], values[0], each.stage[1])


def _fate(code: int | None) -> str:
    """What an exit code says; empty for 0."""
    if code == 0:
        return ""
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        return f"killed by {name}" + (" (often: no memory left)" if name == "SIGKILL" else "")
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
