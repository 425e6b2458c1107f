"""What a run tells whoever watches it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tlrun.core.notes import Note
from tlrun.strategies.base import Stage


class Screen(Protocol):
    """Whoever watches a run while it is planned and trained."""

    def note(self, note: Note, runs: int = 1) -> None:
        """Something the user should know. runs: how many runs it is true of."""

    def begin(self, run: str, stage: Stage) -> None:
        """A stage starts. run: THIS, or what the run is called as a control."""

    def step(self, step: int, terms: Mapping[str, float]) -> None:
        """The stage has done `step` updates; `terms` are the parts of its objective, by name."""

    def end(self) -> None:
        """The stage is over, well or not."""
