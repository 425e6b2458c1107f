"""A sweep through a launcher of Hydra's (`hydra/launcher=…`) instead of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from tlrun.config.build import build
from tlrun.config.hydra_main import through_hydra
from tlrun.config.refusals import resolved
from tlrun.core.errors import TlrunError, say
from tlrun.data.base import Dataset
from tlrun.report.console import make_console
from tlrun.report.progress_run import LiveScreen
from tlrun.runs.plan import plan_with_controls
from tlrun.runs.remembered import ProblemCache
from tlrun.runs.run import perform
from tlrun.sweeps.executors.base import Job, JobResults, Watcher


@dataclass(frozen=True)
class ForeignLauncher:
    """An executor that hands the whole command to Hydra. argv: overrides, then flags.

    Hydra's launcher divides a command by jobs, each a run with its controls; what became of each
    run is read from its folder.
    """

    argv: Sequence[str]

    def prepare(self, dataset: Dataset) -> None:
        """Nothing: the launcher starts what it needs."""

    def run(self, jobs: Sequence[Job], watcher: Watcher) -> JobResults:
        """Let the launcher carry out the command; `jobs` are the runs that it is known to need."""
        through_hydra(job, self.argv)
        return JobResults(unknown=dict.fromkeys(jobs, "the launcher has not finished it"))


def job(config: DictConfig) -> None:
    """One job of a command: its run and controls, in whatever process a launcher gives it.

    It raises nothing: Hydra would end the sweep, and tell one failure of many.
    """
    plain: Any = OmegaConf.to_container(config, resolve=False)
    screen = LiveScreen(make_console(), transient=True)
    problems = ProblemCache()
    try:
        plans = plan_with_controls(build(resolved(plain)), problems, screen)
    except TlrunError as error:
        say(*error.lines)
        return
    problems.remember()
    for name, plan in plans.items():
        try:
            perform(plan, name, problems, screen, wait=True)  # jobs share controls
        except TlrunError as error:
            say(*error.lines)
