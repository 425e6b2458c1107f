"""The progress of a run: a bar a stage on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.core.notes import Note
from tlrun.report.notes import TITLE, words
from tlrun.strategies.base import Stage

REDRAW = 0.05  # seconds; faster than the eye, far slower than a step
MOST_LOSSES = 4  # listed one by one
SAY = 10.0  # seconds between lines where there is no terminal


@dataclass
class _Current:
    """The stage that is running."""

    title: str
    steps: int
    unit: str
    started: float
    said: float
    step: int = 0
    losses: str = ""


def _terms_line(terms: Mapping[str, float]) -> str:
    """The terms of an equation in a line; the losses of many tasks as their sum."""
    shown: dict[str, float] = {}
    hidden = {"total"}
    losses = [name for name in terms if name.startswith("L_")]
    if len(losses) > MOST_LOSSES:
        shown[f"ΣL of {len(losses)} tasks"] = sum(terms[name] for name in losses)
        hidden.update(losses)
    shown |= {name: value for name, value in terms.items() if name not in hidden}
    return "  ".join(f"{name} {value:.3f}" for name, value in shown.items())


class LiveScreen:
    """A screen (`runs/screen.py`) that shows the runs of one command as they go.

    transient: for a run of a sweep. A bar vanishes when its stage is done; where there is no
        terminal, only stages of more than SAY seconds print lines.
    """

    def __init__(self, console: Console, transient: bool = False) -> None:
        self._console = console
        self._transient = transient
        self._bar: Progress | None = None
        self._now = _Current("", 0, "", 0.0, 0.0)

    def note(self, note: Note, runs: int = 1) -> None:
        """Print the lines of a note. runs: how many runs it is true of."""
        for line in words(note, runs):
            self._print(line)

    def begin(self, run: str, stage: Stage) -> None:
        """Start the bar of a stage of `run`."""
        now, unit = time.monotonic(), "steps" if stage.domains else "examples"
        self._now = _Current(f"{run} · {stage.name}", stage.steps, unit, now, now)
        if self._console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=20),
                MofNCompleteColumn(),
                TextColumn("{task.fields[losses]}", markup=False),
                TimeRemainingColumn(compact=True, elapsed_when_finished=True),
                console=self._console,
                transient=self._transient,
            )
            self._bar.start()
            self._bar.add_task(f"{self._now.title:<{TITLE}}", total=stage.steps, losses="")

    def step(self, step: int, terms: Mapping[str, float]) -> None:
        """Show that `step` updates are done, with the terms of the last one.

        A bar is drawn at most every REDRAW seconds, a line printed at most every SAY seconds.
        """
        now, current = time.monotonic(), self._now
        current.step = step
        last = step == current.steps
        pause = REDRAW if self._bar else SAY
        if last or now - current.said >= pause:
            current.said = now
            current.losses = _terms_line(terms)
            if self._bar:
                self._bar.update(self._bar.task_ids[0], completed=step, losses=current.losses)
            elif not last:
                self._say()

    def end(self) -> None:
        """Close the bar, or say in a line how the stage went."""
        if self._bar:
            self._bar.stop()
            self._bar = None
        elif not self._transient:
            self._say()

    def _say(self) -> None:
        current = self._now
        took = time.monotonic() - current.started
        done = f"{current.step}/{current.steps} {current.unit}"
        self._print(f"{current.title:<{TITLE}} {done}  {current.losses}  {took:.1f} s")

    def _print(self, line: str) -> None:
        self._console.print(Text(printable(line)), soft_wrap=True)
