"""What an executor is handed, and what it gives back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tlrun.core.notes import Note
from tlrun.data.base import Dataset
from tlrun.runs.plan import Plan


@dataclass(frozen=True, eq=False)
class Job:
    """One run to be trained. name: THIS, or that of a control. log: where its process prints to."""

    name: str
    plan: Plan
    log: Path

    @property
    def path(self) -> Path:
        """The folder of its run."""
        return self.plan.run_dir.path

    @property
    def title(self) -> str:
        """How the screen calls it: the end of its folder."""
        return "/".join(self.path.parts[-3:])


@dataclass(frozen=True, eq=False)
class Unit:
    """What a process is given at once. jobs: one, or those that are trained as one product.

    stacked: whether they are to be, however few. again: whether a process has died of it, or with
    it, before.
    """

    jobs: tuple[Job, ...]
    stacked: bool = False
    again: bool = False


class Watcher(Protocol):
    """Who is told how a sweep goes; a run is called by the title of its job."""

    def note(self, title: str, note: Note) -> None:
        """Something the user should know of a run."""

    def started(self, title: str) -> None:
        """A run starts."""

    def progress(self, title: str, stage: str, step: int, steps: int) -> None:
        """A run is at `step` of a stage of so many `steps`."""

    def finished(self, title: str, reason: str) -> None:
        """A run is over; reason: why it failed, empty where it did not."""


@dataclass(frozen=True)
class JobResults:
    """What became of the jobs.

    failed: why. found: those that another sweep had finished when their turn came. unknown: those
    of which only their folders can tell, and why nobody else can.
    """

    failed: dict[Job, str] = field(default_factory=dict)
    found: set[Job] = field(default_factory=set)
    unknown: dict[Job, str] = field(default_factory=dict)


class Executor(Protocol):
    """Where the runs of a sweep are carried out: processes of this machine, or another place."""

    def prepare(self, dataset: Dataset) -> None:
        """Start what `run` needs: it may be called soon, for runs on `dataset`.

        The data are read meanwhile, so it returns at once.
        """

    def run(self, jobs: Sequence[Job], watcher: Watcher) -> JobResults:
        """Train every run, in any order.

        One that fails stops no other. Whatever ends this early, a signal too, ends all that it has
        started first.
        """
