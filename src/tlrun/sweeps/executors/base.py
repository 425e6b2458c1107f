"""What an executor is handed, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tlrun.config.registry import Config


@dataclass(frozen=True, eq=False)
class Work:
    """One run to be trained. name: THIS, or that of a control. place: its folder. log: where its
    process prints to.
    """

    name: str
    config: Config
    place: Path
    log: Path

    @property
    def title(self) -> str:
        """How the screen calls it: the end of its folder."""
        return "/".join(self.place.parts[-3:])


class Watcher(Protocol):
    """Who is told how a sweep goes."""

    def note(self, text: str) -> None:
        """One line the user should know."""

    def started(self, title: str) -> None:
        """A run starts."""

    def progress(self, title: str, stage: str, step: int, steps: int) -> None:
        """A run is at `step` of a stage."""

    def finished(self, title: str, reason: str) -> None:
        """A run is over; reason: why it failed, empty where it did not."""


@dataclass(frozen=True)
class JobResults:
    """What became of the runs. failed: why. found: those that another sweep had finished when their
    turn came.
    """

    failed: dict[Work, str]
    found: set[Work]
