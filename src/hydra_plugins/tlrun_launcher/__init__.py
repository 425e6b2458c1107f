"""tl-run's launcher and sweeper, handed to Hydra. Thin, for every Hydra application of an
environment imports it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class TlrunLauncher(Launcher):
    """Runs all jobs of a sweep as processes, each run that they share once."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        """Nothing is needed: the session has planned every job."""

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Run the sweep of the session; what came of it is in the session."""
        from tlrun.cli.session import current

        current().sweep(len(job_overrides))
        return []


class TlrunSweeper(BasicSweeper):
    """Hydra's own sweeper, less what a sweep of hundreds of jobs would wait for: it composes none a
    second time.
    """

    def sweep(self, arguments: list[str]) -> Any:
        """Every job at once to the launcher, whichever that is; its answers to the session.

        `arguments` have every axis: those that a study sets in `hydra.sweeper.params` were added by
            the preflight.
        """
        from tlrun.cli.session import current

        assert self.hydra_context is not None
        assert self.launcher is not None
        parser = OverridesParser.create(config_loader=self.hydra_context.config_loader)
        (jobs,) = self.split_arguments(parser.parse_overrides(arguments), None)
        current().collect(self.launcher.launch(jobs, initial_job_idx=0))
        return []


for group, cls in (("launcher", TlrunLauncher), ("sweeper", TlrunSweeper)):
    target = f"{cls.__module__}.{cls.__qualname__}"
    node = (
        {"_target_": target}
        if group == "launcher"
        else {"_target_": target, "max_batch_size": None, "params": None}
    )
    ConfigStore.instance().store(group=f"hydra/{group}", name="tlrun", node=node, provider="tl-run")
