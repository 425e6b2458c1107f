"""What a config comes to before anything is trained: checked against its data, cut into stages, and given its place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from tlrun.build import GROUPS, Config, Run, build, identity, science
from tlrun.core import Backbone, Dataset, Screen, Stage
from tlrun.devices import describe, resolve
from tlrun.errors import UserError
from tlrun.plugins import sources
from tlrun.problem import Problem
from tlrun.store.fingerprint import fingerprint
from tlrun.store.rundir import RunDir

NO_EFFECT = "λ has no effect here (the losses share no free parameter): running as λ=inf"
THIS = "this run"


@dataclass(frozen=True)
class Plan:
    """One run, ready to be trained or found. config: what it was planned from. device: cpu or cuda:N."""

    config: Config
    run: Run
    science: Mapping[str, Any]
    stages: Sequence[Stage]
    place: RunDir
    device: str

    @property
    def lam(self) -> str:
        return self.run.lam.label if "lam" in self.science else ""

    @property
    def fingerprint(self) -> dict[str, str | int]:
        """Everything beside config, seed and data that may decide the bits."""
        roles = {group: type(getattr(self.run, group)).__module__ for group in GROUPS}
        foreign = {group: sources(module) for group, module in roles.items() if not module.startswith("tlrun.")}
        return fingerprint(self.run.threads, describe(self.device), foreign)

    def problem(self) -> Problem:
        """The data of the run, its test set shut."""
        return load(self.run.dataset, self.run.seed)


def load(dataset: Dataset, seed: int) -> Problem:
    """The problem of a data set and a seed, its test set shut. The last one is kept: arms of a seed share it."""
    problem = _load(dataset, seed)  # type: ignore[arg-type]  # a frozen dataclass can be hashed
    return replace(problem, test=problem.test.shut())


@lru_cache(maxsize=1)
def _load(dataset: Dataset, seed: int) -> Problem:
    return dataset.load(seed)


def planned(config: Config, screen: Screen) -> dict[str, Plan]:
    """The run that `config` asks for, as THIS, and, unless `controls` is false, each of its controls by name.

    Raises UserError where any of them cannot work.
    """
    asked = plan(config, screen)
    controls = asked.run.strategy.controls(asked.problem()) if asked.run.controls else {}
    return {THIS: asked} | {name: plan({**config, **nodes}, screen) for name, nodes in controls.items()}


def plan(config: Config, screen: Screen) -> Plan:
    """Check a config against its data and say where its run belongs. Raises UserError where they do not fit."""
    run = build(config)
    device = resolve(run.device)
    problem = load(run.dataset, run.seed)
    run.backbone.width(problem.shape)  # raises here, before anything starts
    check_selection(run, problem)
    stages = run.strategy.stages(problem, run.lam, run.trainer.steps)
    if not lam_acts(problem, stages, run.backbone):
        screen.note(NO_EFFECT)
        return plan({**config, "lam": {"name": "constant", "value": math.inf}}, screen)
    decisive = science(config, run.strategy.ignores)
    lam = f"lam={run.lam.label}_" if "lam" in decisive else ""
    name = f"{lam}seed={run.seed}_{identity(decisive, problem.digest)}"
    group = f"{decisive['dataset']['name']}/{decisive['strategy']['name']}"
    place = RunDir(Path(run.runs_dir).expanduser(), group, name)
    return Plan(config, run, decisive, stages, place, device)


def lam_acts(problem: Problem, stages: Sequence[Stage], backbone: Backbone) -> bool:
    """Whether L_S and L_T share a free parameter, in φ or in a head, in every stage that draws both.

    Where they share none, λ only rescales each loss's own step, and every λ > 0 stands for the run of λ=∞.
    """
    both = [s for s in stages if {problem.domains[name].role for name in s.domains} >= {"source", "target"}]
    return all(problem.one_label_space or (backbone.learns and not stage.frozen) for stage in both)


def check_selection(run: Run, problem: Problem) -> None:
    """Raises UserError where `trainer.select=best` has no validation labels to choose by."""
    lacking = [name for name, domain in problem.domains.items() if domain.val is None]
    if run.trainer.select == "best" and lacking:
        raise UserError(
            f"trainer.select: best expects validation labels in every domain, found none in {', '.join(lacking)}; try "
            "dataset.val_share=0.2 (the labels asked for then buy training and validation together)"
        )
