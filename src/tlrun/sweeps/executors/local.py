"""Jobs as processes from a warm fork server.

Torch is imported once, and a process that dies takes no other along.
"""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, get_all_start_methods, get_context
from typing import Any

from tlrun.core.errors import RunFailed
from tlrun.core.signals import held_back
from tlrun.data.base import Dataset
from tlrun.sweeps.executors.base import Job, JobResults, Unit, Watcher
from tlrun.sweeps.executors.process import Running, start
from tlrun.sweeps.units import units_of

SERVERS = 4  # that are started one after another where each dies at once
PAUSE = 0.1  # seconds before the second, times 4 before each further one
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
                    waiting.extendleft(over.over(results, watcher))
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
                running.append(_started(context, waiting[0], watcher))
                waiting.popleft()


def _started(context: Any, unit: Unit, watcher: Watcher) -> Running:
    """A process with its first unit; where the fork server is dead, another server starts it.

    Raises RunFailed where that dies too, again and again.
    """
    for times in range(SERVERS):
        # one that is dying hears nobody any more, and is not gone yet
        time.sleep(PAUSE * 4**times if times else 0.0)
        try:
            if context.get_start_method() == "forkserver":
                _start_server()
            return start(context, unit, watcher)
        except (EOFError, OSError) as error:
            why = f"{type(error).__name__}: {error}"
    again = "the same command goes on from what is finished"
    raise RunFailed(f"no process can be started, {SERVERS} times in a row ({why}); {again}")


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
    ready = connection.wait([*(e.process.sentinel for e in running if not e.lost), *channels])
    for each in running:
        if each.channel in ready:
            each.listen(results, watcher)
    return [each for each in running if each.has_ended(ready)]


def _start_server() -> None:
    """Start the fork server, if none is there, deaf to Ctrl-C and the end of the terminal.

    They are for the launcher alone, and may come while the server imports torch. They are blocked,
    which a process inherits, and not ignored: one for us would be lost.
    """
    from multiprocessing.forkserver import ensure_running

    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
    try:
        ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stop(running: Sequence[Running]) -> None:
    """End the processes: first politely, so that each writes down that it was interrupted."""
    deadline = time.monotonic() + GRACE
    try:
        for each in running:
            each.stop()
        for each in running:
            each.wait(deadline)
    finally:  # also at a second Ctrl-C
        for each in running:
            each.kill()
