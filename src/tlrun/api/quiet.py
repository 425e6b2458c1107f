"""A screen, and the watcher of a sweep, that show nothing."""

from __future__ import annotations

from collections.abc import Mapping

from tlrun.core.notes import Note
from tlrun.strategies.base import Stage


class QuietScreen:
    """A screen (`runs/screen.py`) for whoever has not asked to see how a run goes."""

    def note(self, note: Note, runs: int = 1) -> None:
        """Show nothing."""

    def begin(self, run: str, stage: Stage) -> None:
        """Show nothing."""

    def step(self, step: int, terms: Mapping[str, float]) -> None:
        """Show nothing."""

    def end(self) -> None:
        """Show nothing."""


class QuietWatcher:
    """A watcher (`sweeps/executors/base.py`) for whoever has not asked to see how a sweep goes."""

    def note(self, title: str, note: Note) -> None:
        """Show nothing."""

    def started(self, title: str) -> None:
        """Show nothing."""

    def progress(self, title: str, stage: str, step: int, steps: int) -> None:
        """Show nothing."""

    def finished(self, title: str, reason: str) -> None:
        """Show nothing."""
