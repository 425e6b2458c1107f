"""The watcher of a sweep that shows nothing."""

from __future__ import annotations

from tlrun.core.notes import Note


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
