"""An executor that carries out runs in the process of the test, and a study that it has made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlrun.api.quiet import QuietWatcher
from tlrun.config.build import build
from tlrun.data.base import Dataset
from tlrun.runs.remembered import ProblemCache
from tlrun.runs.run import perform
from tlrun.runs.screen import QuietScreen
from tlrun.sweeps.declaration import Asked
from tlrun.sweeps.executors.base import Job, JobResults, Watcher
from tlrun.sweeps.launch import launch

from problems import config


@dataclass
class Inline:
    """trained: how many runs it has carried out."""

    trained: int = 0

    def prepare(self, dataset: Dataset) -> None:
        """Nothing to prepare."""

    def run(self, jobs: Sequence[Job], watcher: Watcher) -> JobResults:
        """One after another."""
        problems = ProblemCache()
        for job in jobs:
            perform(job.plan, job.name, problems, QuietScreen())
            self.trained += 1
        return JobResults()


@contextmanager
def unwatched(_total: int, _found: int) -> Iterator[QuietWatcher]:
    """Nobody watches."""
    yield QuietWatcher()


def study(runs_dir: Path, *changes: Mapping[str, Any], **shared: Any) -> str:
    """A declared study, an arm for each of `changes` on what is `shared`, with controls; its id."""
    nodes = {"controls": True, **shared}
    runs = [build(config(runs_dir, **{**nodes, **change})) for change in changes]
    names = [(f"strategy={run.strategy}",) for run in runs]
    done = launch(runs, names, Inline(), QuietScreen(), unwatched, Asked("tl-run -m"))
    assert not done.failures
    (declared,) = done.studies
    return declared.id


def lam(value: float) -> dict[str, Any]:
    """The node of a constant λ."""
    return {"lam": {"name": "constant", "value": value}}
