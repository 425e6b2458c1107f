"""What a run shows while it works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from tlrun.strategies.base import Stage


class Screen(Protocol):
    """What a run shows while it works."""

    def note(self, text: str) -> None:
        """One line the user should know."""

    def begin(self, run: str, stage: Stage) -> None:
        """A stage of `run` starts."""

    def step(self, step: int, terms: Mapping[str, float]) -> None:
        """The stage has done `step` updates."""

    def end(self) -> None:
        """The stage is over, well or not."""
