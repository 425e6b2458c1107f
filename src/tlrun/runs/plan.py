"""What a config comes to before anything is trained: checked against its data, cut into stages, and
given its place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from tlrun.config.build import Run, build
from tlrun.config.registry import GROUPS, Config
from tlrun.core.problem import Problem
from tlrun.data.base import Dataset
from tlrun.runs.checks import check_batch_size, check_roles, check_selection, lam_acts
from tlrun.runs.identity import identity, placeless, science
from tlrun.runs.screen import Screen
from tlrun.runs.stage_key import _fingerprint, contents, key_of
from tlrun.store.entries import Entry
from tlrun.store.rundir import RunDir
from tlrun.store.stages import stage_entry
from tlrun.strategies.base import Stage
from tlrun.training.devices import resolve

NO_EFFECT = "λ has no effect here (the losses share no free parameter): running as λ=inf"


THIS = "this run"


@dataclass(frozen=True)
class Plan:
    """One run, ready to be trained or found. config: what it was planned from. science: of it, what
    decides the run,
    and where its data are. device: cpu or cuda:N.
    """

    config: Config
    run: Run
    science: Mapping[str, Any]
    stages: Sequence[Stage]
    place: RunDir
    device: str
    contents: Sequence[Mapping[str, Any]]  # what decides each stage

    @property
    def lam(self) -> str:
        return self.run.lam.label if "lam" in self.science else ""

    @property
    def fingerprint(self) -> dict[str, str | int]:
        """Everything beside config, seed and data that may decide the bits."""
        return _fingerprint(
            self.run, self.device, {group: getattr(self.run, group) for group in GROUPS}
        )

    @property
    def shared(self) -> dict[str, Entry]:
        """Where each stage that other runs share is kept, by its key; none where the run trains all
        by itself.
        """
        if not self.run.stages:
            return {}
        keys = [key_of(content) for content in self.contents]
        runs_dir = Path(self.run.runs_dir).expanduser()
        return {
            key: stage_entry(runs_dir, key)
            for key, stage in zip(keys, self.stages, strict=True)
            if stage.shared
        }

    def problem(self) -> Problem:
        """The data of the run, its test set shut."""
        return load(self.run.dataset, self.run.seed)


def load(dataset: Dataset, seed: int) -> Problem:
    """The problem of a data set and a seed, its test set shut. The last one is kept: arms of a seed
    share it.
    """
    problem = _load(dataset, seed)  # type: ignore[arg-type]  # a frozen dataclass can be hashed
    return replace(problem, test=problem.test.unopened())


@lru_cache(maxsize=1)
def _load(dataset: Dataset, seed: int) -> Problem:
    return dataset.load(seed)


def planned(config: Config, screen: Screen) -> dict[str, Plan]:
    """The run that `config` asks for, as THIS, and, unless `controls` is false, each of its
    controls by name.

    Raises UserError where any of them cannot work.
    """
    asked = plan(config, screen)
    controls = asked.run.strategy.controls(asked.problem()) if asked.run.controls else {}
    return {THIS: asked} | {
        name: plan({**config, **nodes}, screen) for name, nodes in controls.items()
    }


def plan(config: Config, screen: Screen) -> Plan:
    """Check a config against its data and say where its run belongs. Raises UserError where they do
    not fit.
    """
    run = build(config)
    device = resolve(run.device)
    problem = load(run.dataset, run.seed)
    run.backbone.width(problem.shape)  # raises here, before anything starts
    check_roles(run, problem)
    check_selection(run, problem)
    check_batch_size(run)
    stages = run.strategy.stages(problem, run.lam, run.trainer.steps)
    for remark in run.strategy.warnings(run.backbone):
        screen.note(remark)
    if not lam_acts(problem, stages, run):
        screen.note(NO_EFFECT)
        return plan({**config, "lam": {"name": "constant", "value": math.inf}}, screen)
    decisive = science(config, run.strategy.ignores)
    lam = f"lam={run.lam.label}_" if "lam" in decisive else ""
    name = f"{lam}seed={run.seed}_{identity(placeless(decisive, run.dataset), problem.identity)}"
    group = f"{decisive['dataset']['name']}/{decisive['strategy']['name']}"
    place = RunDir(Path(run.runs_dir).expanduser(), group, name)
    return Plan(
        config, run, decisive, stages, place, device, contents(run, problem, stages, device)
    )
