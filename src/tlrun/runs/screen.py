"""What a run tells whoever watches it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tlrun.core.notes import Note
from tlrun.strategies.base import Stage
from tlrun.strategies.schedules import Constant

SLOW = 1.0  # seconds, from which on a user is shown how far a computation has come


class Screen(Protocol):
    """Whoever watches a run while it is planned and trained."""

    def note(self, note: Note, runs: int = 1) -> None:
        """Something the user should know. runs: how many runs it is true of."""

    def begin(self, run: str, stage: Stage) -> None:
        """A stage starts. run: THIS, or what the run is called as a control.

        One that draws no domain is a computation; its steps are examples.
        """

    def step(self, step: int, terms: Mapping[str, float]) -> None:
        """The stage has done `step` updates; `terms` are the parts of its objective, by name."""

    def end(self) -> None:
        """The stage is over, well or not."""


@dataclass
class Once:
    """A screen for plans alone, which tells another what a run and its controls say, each once."""

    screen: Screen
    told: set[Note] = field(default_factory=set)

    def note(self, note: Note, runs: int = 1) -> None:
        """Hand on a note that is new."""
        if note not in self.told:
            self.told.add(note)
            self.screen.note(note, runs)

    def begin(self, run: str, stage: Stage) -> None:
        """Nothing runs while runs are planned."""

    def step(self, step: int, terms: Mapping[str, float]) -> None:
        """Nothing runs while runs are planned."""

    def end(self) -> None:
        """Nothing runs while runs are planned."""


class QuietScreen:
    """A screen for whoever has not asked to see how a run goes."""

    def note(self, note: Note, runs: int = 1) -> None:
        """Show nothing."""

    def begin(self, run: str, stage: Stage) -> None:
        """Show nothing."""

    def step(self, step: int, terms: Mapping[str, float]) -> None:
        """Show nothing."""

    def end(self) -> None:
        """Show nothing."""


def shown(
    parts: Iterator[slice], screen: Screen, run: str, doing: str, total: int
) -> Iterator[slice]:
    """The parts of what is gone through, in order; the screen is told how far, where it takes long.

    run: what the screen calls it. doing: what is computed. total: the examples of all parts.
    """
    started, begun = time.monotonic(), False
    try:
        for part in parts:
            if not begun and time.monotonic() - started > SLOW:
                screen.begin(run, Stage(doing, (), total, lam=Constant(0.0)))
                begun = True
            if begun:
                screen.step(part.start, {})
            yield part
        if begun:
            screen.step(total, {})
    finally:
        if begun:
            screen.end()
