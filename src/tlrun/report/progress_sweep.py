"""The progress of a sweep: runs done, running and failed, and the time that is left."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.core.notes import Note, Waiting
from tlrun.report.amounts import duration
from tlrun.report.notes import words
from tlrun.report.progress_run import SAY


class SweepScreen:
    """A watcher (`sweeps/executors/base.py`) that shows how far the runs of a sweep are.

    A terminal shows a bar for all runs, with the time left, and one for each that is running.
    Elsewhere a line is printed every SAY seconds.

    bars: where bars are drawn; None where lines are printed. total: runs in all. found: those of
        them that need no training.
    """

    def __init__(self, console: Console, bars: Progress | None, total: int, found: int) -> None:
        self._console, self._bars = console, bars
        self._total, self._found = total, found
        self._done = self._failed = 0
        self._running: dict[str, TaskID | None] = {}
        self._begun = False
        self._told: set[str] = set()
        self._began = self._said = time.monotonic()
        self._all: TaskID | None = None
        if bars:
            self._all = bars.add_task(self._standing(), total=total, completed=found, detail="")

    def note(self, title: str, note: Note) -> None:
        """Print the lines of a note about the run that is called `title`.

        What is true of many runs alike is told of the first.
        """
        for line in words(note.without_path()):
            if isinstance(note, Waiting):
                self._print(f"{title}: {line}")
            elif line not in self._told:
                self._told.add(line)
                self._print(line)

    def started(self, title: str) -> None:
        """A run starts, if it is not running: one whose process has died is begun again."""
        if title in self._running:
            return
        self._running[title] = None
        if self._bars:
            self._running[title] = self._bars.add_task(_short(title), total=None, detail="")
        self._update()

    def progress(self, title: str, stage: str, step: int, steps: int) -> None:
        """A run has done `step` of the `steps` of a stage."""
        self._begun = True
        bar = self._running.get(title)
        if self._bars and bar is not None:
            self._bars.update(bar, completed=step, total=steps, detail=stage)
        self._update()

    def finished(self, title: str, reason: str) -> None:
        """A run is over. reason: why it failed, printed at once; empty where it did not."""
        bar = self._running.pop(title)
        if reason:
            self._failed += 1
            self._print(f"failed: {title}: {reason}")
        else:
            self._done += 1
        if self._bars and bar is not None and self._all is not None:
            self._bars.remove_task(bar)
            self._bars.update(self._all, advance=1)
        self._update()

    def _standing(self) -> str:
        """The counts, and a guess of the time left, in a line."""
        left = self._total - self._found - self._done - self._failed
        parts = [f"{self._done} trained", f"{self._found} found", f"{len(self._running)} running"]
        if not self._begun:
            parts.append("loading PyTorch")
        if self._failed:
            parts.append(f"{self._failed} failed")
        over = self._done + self._failed
        if over and left:
            # From the runs themselves, whatever they are: bars of stages know nothing of the runs
            # to come.
            seconds = (time.monotonic() - self._began) / over * left
            parts.append(f"about {duration(seconds)} left")
        return ", ".join(parts)

    def _update(self) -> None:
        """Redraw the bar of all runs, or print a line where the last is SAY seconds old."""
        now = time.monotonic()
        if self._bars and self._all is not None:
            self._bars.update(self._all, description=self._standing())
        elif now - self._said >= SAY:
            self._said = now
            over = self._found + self._done + self._failed
            self._print(f"{over}/{self._total} runs: {self._standing()}")

    def _print(self, line: str) -> None:
        self._console.print(Text(printable(line)), soft_wrap=True)


def watching(
    console: Console, bars: bool = True
) -> Callable[[int, int], AbstractContextManager[SweepScreen]]:
    """The function that opens the screen of a sweep, given its runs in all and those found.

    bars: whether bars are shown where the console is a terminal; not where the runs print by
        themselves.
    """

    @contextmanager
    def watch(total: int, found: int) -> Iterator[SweepScreen]:
        if not (bars and console.is_terminal):
            yield SweepScreen(console, None, total, found)
            return
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[detail]}", markup=False),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console, transient=True) as shown:
            yield SweepScreen(console, shown, total, found)

    return watch


def _short(title: str) -> str:
    """digits/scratch/seed=0_3fa2b1c09d4e as scratch seed=0, so that the numbers have room."""
    _, _, rest = title.partition("/")
    return printable(rest.rpartition("_")[0].replace("/", " ").replace("_", " ") or title)
