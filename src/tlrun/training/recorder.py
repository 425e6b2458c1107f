"""What the loop tells the world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Recorder(Protocol):
    """What the loop tells the world; it knows no path and no screen."""

    def step(self, step: int, terms: Mapping[str, float]) -> None:
        """Called after every update."""

    def log(self, row: Mapping[str, object]) -> None:
        """Keep one evaluation."""
