"""What a run comes to before anything is trained: checked against its data, cut into stages, given
its folder.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tlrun.config.build import Run
from tlrun.config.registry import GROUPS
from tlrun.core.errors import UserError
from tlrun.core.notes import LamHasNoEffect, StrategyWarning
from tlrun.core.problem import Problem
from tlrun.data.base import Dataset
from tlrun.runs.checks import check_batch_size, check_roles, check_selection, lam_acts
from tlrun.runs.identity import deciding, family_id, problem_id, run_id, setting_id
from tlrun.runs.screen import Screen
from tlrun.runs.stage_key import run_fingerprint, stage_inputs, stage_key
from tlrun.store.entries import Entry
from tlrun.store.rundir import RunDir
from tlrun.store.stages import stage_entry
from tlrun.strategies.base import Control, Stage, Strategy
from tlrun.strategies.schedules import Constant
from tlrun.training.devices import resolve

THIS = "this run"


class ProblemCache:
    """The problem loaded last: the arms of one seed share it, and it is read once for them all."""

    def __init__(self) -> None:
        self._key: tuple[Dataset, int] | None = None
        self._problem: Problem | None = None

    def load(self, dataset: Dataset, seed: int) -> Problem:
        """The problem of a data set as `seed` draws it, its test set not opened yet.

        Raises UserError where the options ask for more than the data have.
        """
        if self._problem is None or self._key != (dataset, seed):
            self._problem, self._key = None, None  # the old one need not be kept meanwhile
            self._problem, self._key = dataset.load(seed), (dataset, seed)
        return replace(self._problem, test=self._problem.test.unopened())


@dataclass(frozen=True)
class PlannedStage:
    """One stage of a planned run.

    number: its place among the stages. strategy: whose equation trains it. inputs: everything that
    decides its outcome; key: their digest. entry: where it is kept for other runs; None where it is
    this run's alone.
    """

    number: int
    stage: Stage
    strategy: Strategy
    inputs: Mapping[str, Any]
    key: str
    entry: Entry | None


@dataclass(frozen=True)
class Plan:
    """One run, ready to be trained or found.

    device: cpu or cuda:N. controls: its own controls, by name, each as the setting of their runs.
    """

    run: Run
    device: str
    stages: Sequence[PlannedStage]
    run_dir: RunDir
    problem: str  # an id that all seeds share, as setting and family are
    setting: str
    family: str
    controls: Mapping[str, str]

    @property
    def fingerprint(self) -> dict[str, str | int]:
        """Everything beside config, seed and data that may decide the bits."""
        return run_fingerprint(self.run, self.device, tuple(GROUPS))

    @property
    def shared_keys(self) -> set[str]:
        """The keys of the stages that other runs may start from."""
        return {planned.key for planned in self.stages if planned.entry is not None}

    @property
    def facts(self) -> dict[str, Any]:
        """What run.json says of the run, so that its folder can be read without its plan.

        lam: λ as a number; None where it decides nothing, or a schedule moves it.
        """
        weighed = "lam" not in self.run.strategy.ignores
        lam = self.run.lam
        return {
            "strategy": deciding(self.run)["strategy"]["name"],
            "seed": self.run.seed,
            "problem": self.problem,
            "setting": self.setting,
            "family": self.family,
            "lam": lam.value if weighed and isinstance(lam, Constant) else None,
            "lam_label": lam.label if weighed else "",
            "controls": dict(self.controls),
            "optimizer": deciding(self.run)["optimizer"],
        }


def plan_with_controls(run: Run, problems: ProblemCache, screen: Screen) -> dict[str, Plan]:
    """The plan of a run, as THIS, and, unless `controls` is false, of each of its controls by name.

    Raises UserError where any of them cannot work.
    """
    asked = plan(run, problems, screen)
    plans = {THIS: asked}
    if run.controls:
        problem = problems.load(run.dataset, run.seed)
        for name, control in asked.run.strategy.controls(problem).items():
            plans[name] = plan(as_control(asked.run, control), problems, screen)
    return plans


def as_control(run: Run, control: Control) -> Run:
    """The run of a control of `run`."""
    return replace(run, strategy=control.strategy, lam=control.lam or run.lam)


def plan(run: Run, problems: ProblemCache, screen: Screen) -> Plan:
    """Check a run against its data and say where it belongs. Raises UserError where it cannot work.

    Where λ has no effect, it is the plan of the run at λ=∞.
    """
    device = resolve(run.device)
    problem = problems.load(run.dataset, run.seed)
    run, stages = _checked(run, problem, screen)
    run_dir = RunDir(Path(run.runs_dir).expanduser(), *_group_and_name(run, problem))
    return Plan(
        run,
        device,
        planned_stages(run, problem, stages, device),
        run_dir,
        problem_id(run, problem),
        setting_id(run, problem),
        family_id(run, problem),
        _settings_of_controls(run, problem),
    )


def _checked(run: Run, problem: Problem, screen: Screen | None) -> tuple[Run, Sequence[Stage]]:
    """The run that is meant, and its stages. screen: is told what the user should know of it.

    Raises UserError where strategy, backbone, λ and problem do not fit.
    """
    run.backbone.width(problem.shape)
    check_roles(run, problem)
    check_selection(run, problem)
    check_batch_size(run)
    stages = run.strategy.stages(problem, run.lam, run.trainer.steps)
    for text in run.strategy.warnings(run.backbone):
        if screen is not None:
            screen.note(StrategyWarning(text=text))
    if lam_acts(problem, stages, run):
        return run, stages
    if screen is not None:
        screen.note(LamHasNoEffect())
    return _checked(replace(run, lam=Constant(math.inf)), problem, None)


def _settings_of_controls(run: Run, problem: Problem) -> dict[str, str]:
    """The setting of every control that works, by name, whether it is asked for or not."""
    settings: dict[str, str] = {}
    for name, control in run.strategy.controls(problem).items():
        try:
            meant, _ = _checked(as_control(run, control), problem, None)
        except UserError:  # told where the controls are asked for
            continue
        settings[name] = setting_id(meant, problem)
    return settings


def _group_and_name(run: Run, problem: Problem) -> tuple[str, str]:
    """Where a run is below `runs_dir`: the folders above it, and its own name."""
    nodes = deciding(run)
    lam = f"lam={run.lam.label}_" if "lam" in nodes else ""
    name = f"{lam}seed={run.seed}_{run_id(run, problem)}"
    return f"{nodes['dataset']['name']}/{nodes['strategy']['name']}", name


def planned_stages(
    run: Run, problem: Problem, stages: Sequence[Stage], device: str
) -> list[PlannedStage]:
    runs_dir = Path(run.runs_dir).expanduser()
    planned: list[PlannedStage] = []
    every_input = stage_inputs(run, problem, stages, device)
    for number, (stage, inputs) in enumerate(zip(stages, every_input, strict=True)):
        key = stage_key(inputs)
        entry = stage_entry(runs_dir, key) if run.stages and stage.shared else None
        planned.append(PlannedStage(number, stage, stage.by or run.strategy, inputs, key, entry))
    return planned
