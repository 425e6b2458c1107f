"""Jobs as processes from a warm fork server.

Torch is imported once, and a process that dies takes no other along.
"""

from __future__ import annotations

import signal
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, get_all_start_methods, get_context
from typing import Any

from tlrun.core.signals import held_back
from tlrun.data.base import Dataset
from tlrun.sweeps.executors.base import Job, JobResults, Unit, Watcher
from tlrun.sweeps.executors.process import Running, start
from tlrun.sweeps.units import units_of

GRACE = 10.0  # seconds a process has to write down that it was interrupted


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
        waiting = deque(units_of(jobs, self.processes))
        running: list[Running] = []
        results = JobResults()
        try:
            while waiting or running:
                self._keep_busy(context, waiting, running, watcher)
                for over in _over(running, results, watcher):
                    running.remove(over)
                    over.over(results, watcher)
        finally:
            _stop(running)
        return results

    def _keep_busy(
        self, context: Any, waiting: deque[Unit], running: list[Running], watcher: Watcher
    ) -> None:
        """Hand out what is `waiting` to processes that wait and to new ones; the others may end."""
        for each in running:
            if each.ready and not each.channel.closed:
                with suppress(OSError):  # it is gone, and its end says so
                    if waiting and each.takes_more:
                        each.give(waiting.popleft(), watcher)
                    else:
                        each.dismiss()
        while waiting and len(running) < self.processes:
            with held_back():  # a process half started would be nobody's
                running.append(start(context, waiting.popleft(), watcher))


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


def _over(running: Sequence[Running], results: JobResults, watcher: Watcher) -> list[Running]:
    """Wait until a process says something or ends, and take down what was said.

    Returns those that have ended.
    """
    channels = [each.channel for each in running if not each.channel.closed]
    ready = connection.wait([*(each.process.sentinel for each in running), *channels])
    for each in running:
        if each.channel in ready:
            each.listen(results, watcher)
    return [each for each in running if each.process.sentinel in ready]


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


def _stop(running: Sequence[Running]) -> None:
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
