"""A run before anything is trained: checked against its data, cut into stages, given its folder."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tlrun.config.build import Run
from tlrun.config.registry import name_of
from tlrun.core.errors import UserError
from tlrun.core.notes import AugmentOff, LamHasNoEffect, Note, SlowBf16, StrategyWarning
from tlrun.core.problem import Problem
from tlrun.models.backbone import weights_file_of, without_weights
from tlrun.runs.checks import (
    check_batch_size,
    check_estimator,
    check_inputs,
    check_roles,
    check_selection,
    lam_acts,
)
from tlrun.runs.identity import Ids, ids_of, lam_decides, node_of, setting_id
from tlrun.runs.idle_options import idle_options
from tlrun.runs.remembered import ProblemCache, contents
from tlrun.runs.screen import Screen
from tlrun.runs.stage_key import computes_once, run_fingerprint, stage_inputs, stage_key
from tlrun.store.entries import Entry
from tlrun.store.rundir import FOLDS, RunDir
from tlrun.store.stages import stage_entry
from tlrun.strategies.base import Control, Stage, Strategy
from tlrun.strategies.schedules import Constant
from tlrun.training.devices import bf16_instructions, resolve

THIS = "this run"  # the run asked for, beside the names of its controls


@dataclass(frozen=True)
class PlannedStage:
    """One stage of a planned run.

    number: its position among the stages of its fold, from 0. strategy: whose equation trains it.
    inputs: everything that decides its outcome; key: their digest. entry: where it is kept for
    other runs; None where it is this run's alone.
    """

    number: int
    stage: Stage
    strategy: Strategy
    inputs: Mapping[str, Any]
    key: str
    entry: Entry | None


@dataclass(frozen=True)
class Plan:
    """One run, checked: ready to be trained, or loaded where it is finished.

    run: as it is meant, at λ=∞ where λ has no effect. device: cpu or cuda:N. folds: the stages of
    each part of its problem, in order: one, or as many as it has folds. problem, setting,
    family: ids that runs share, as `identity` says. data: all that ids know of its data.
    controls: the setting of each of its controls, by name.
    """

    run: Run
    device: str
    folds: Sequence[Sequence[PlannedStage]]
    run_dir: RunDir
    problem: str
    setting: str
    family: str
    data: str
    controls: Mapping[str, str]

    @property
    def stages(self) -> Sequence[PlannedStage]:
        """Those of the first fold, or of all there is."""
        return self.folds[0]

    @property
    def fingerprint(self) -> dict[str, str | int]:
        """Everything beside config, seed and data that may decide the bits."""
        return run_fingerprint(self.run, self.device)

    @property
    def shared_keys(self) -> set[str]:
        """The keys of the stages that other runs may start from."""
        every = [planned for stages in self.folds for planned in stages]
        return {planned.key for planned in every if planned.entry is not None}

    @property
    def facts(self) -> dict[str, Any]:
        """What run.json says of the run, so that its folder can be read without its plan.

        lam: λ as a number; None where it decides nothing, or a schedule moves it.
        """
        run = self.run
        lam, label = None, ""
        optimizer: dict[str, Any] = {}
        if "optimizer" not in run.strategy.ignores:
            optimizer = node_of("optimizer", run.optimizer)
        if lam_decides(run):
            label = run.lam.label
            if isinstance(run.lam, Constant):
                lam = run.lam.value
        return {
            "strategy": name_of("strategy", run.strategy),
            "seed": run.seed,
            "problem": self.problem,
            "setting": self.setting,
            "family": self.family,
            "lam": lam,
            "lam_label": label,
            "controls": dict(self.controls),
            "optimizer": optimizer,
        }


def plan_with_controls(run: Run, problems: ProblemCache, screen: Screen) -> dict[str, Plan]:
    """The plan of a run, as THIS, and, unless `controls` is false, of each of its controls by name.

    Raises UserError where any of them cannot work.
    """
    device = resolve(run.device)
    if run.trainer.precision == "bf16" and not bf16_instructions(device):
        screen.note(SlowBf16(device=device))
    asked = _plan_alone(run, problems, screen)
    problem = problems.planned(run)
    for note in idle_options(run, problem, [each.stage for each in asked.stages]):
        screen.note(note)
    if not run.controls:
        return {THIS: replace(asked, controls=_settings_of_controls(asked.run, problem))}
    controls: dict[str, Plan] = {}
    for name, control in controls_of(asked.run, problem).items():
        controls[name] = plan(as_control(asked.run, control), problems, screen)
    settings = {name: planned.setting for name, planned in controls.items()}
    return {THIS: replace(asked, controls=settings)} | controls


def plan(run: Run, problems: ProblemCache, screen: Screen) -> Plan:
    """Check a run against its data and say where it belongs; its controls are named, not planned.

    Where λ has no effect, it is the plan of the run at λ=∞. Raises UserError where the run cannot
    work.
    """
    planned = _plan_alone(run, problems, screen)
    problem = problems.planned(run)
    return replace(planned, controls=_settings_of_controls(planned.run, problem))


def controls_of(run: Run, problem: Problem) -> dict[str, Control]:
    """The controls of a run, less those that are none of a backbone without pretrained weights."""
    controls = run.strategy.controls(problem)
    has_weights = weights_file_of(run.backbone) is not None
    return {n: control for n, control in controls.items() if has_weights or not control.of_weights}


def as_control(run: Run, control: Control) -> Run:
    """The run of a control of `run`; rerun=true is for the run asked for alone."""
    lam = control.lam or run.lam
    return replace(run, strategy=control.strategy, lam=lam, rerun=False)


def _plan_alone(run: Run, problems: ProblemCache, screen: Screen) -> Plan:
    """The plan of a run without its controls, which are left empty. Raises UserError."""
    device = resolve(run.device)
    problem = problems.planned(run)
    run, stages = _checked(run, problem, screen)
    ids = ids_of(run, problem)
    return Plan(
        run=run,
        device=device,
        folds=[planned_stages(run, part, stages, device) for part in problem.parts],
        run_dir=_run_dir(run, ids),
        problem=ids.problem,
        setting=ids.setting,
        family=ids.family,
        data=contents(problem),
        controls={},
    )


def _settings_of_controls(run: Run, problem: Problem) -> dict[str, str]:
    """The setting of every control that works, by name, whether it is asked for or not."""
    settings: dict[str, str] = {}
    for name, control in controls_of(run, problem).items():
        try:
            meant, _ = _checked(as_control(run, control), problem, None)
        except UserError:  # reported where the controls are asked for
            continue
        settings[name] = setting_id(meant, problem)
    return settings


def _checked(run: Run, problem: Problem, screen: Screen | None) -> tuple[Run, Sequence[Stage]]:
    """The run that is meant, and its stages. screen: is told what the user should know of it.

    Raises UserError where strategy, backbone, λ and problem do not fit.
    """
    check_roles(run, problem)
    check_estimator(run, problem)
    if "backbone" not in run.strategy.ignores:
        check_inputs(run, problem)
    if "trainer" not in run.strategy.ignores:
        for part in problem.parts:
            check_selection(run, part)
        check_batch_size(run)
    stages = run.strategy.stages(problem, run.lam, run.trainer.steps)
    notes: list[Note] = [StrategyWarning(text=text) for text in run.strategy.warnings(run.backbone)]
    if run.trainer.augment and computes_once(stages, run.trainer):
        notes.append(AugmentOff())
    if not lam_acts(problem, stages, run):
        run = replace(run, lam=Constant(math.inf))
        stages = run.strategy.stages(problem, run.lam, run.trainer.steps)
        notes.append(LamHasNoEffect(no_source=not problem.named("source")))
    if not any(stage.pretrained for stage in stages):  # so that it is one run, whatever they are
        run = replace(run, backbone=without_weights(run.backbone))
    if screen is not None:
        for note in notes:
            screen.note(note)
    return run, stages


def _run_dir(run: Run, ids: Ids) -> RunDir:
    """The folder of a run: <runs_dir>/<data set>/<strategy>/<λ, seed and id>.

    One that tests on a part of its labels is below <runs_dir>/.folds.
    """
    group = f"{name_of('dataset', run.dataset)}/{name_of('strategy', run.strategy)}"
    if getattr(run.dataset, "holdout_fold", None) is not None:
        group = f"{FOLDS}/{group}"  # no report compares it with runs that were tested
    lam = f"lam={run.lam.label}_" if lam_decides(run) else ""
    return RunDir(run.runs_folder, group, f"{lam}seed={run.seed}_{ids.run}")


def planned_stages(
    run: Run, problem: Problem, stages: Sequence[Stage], device: str
) -> list[PlannedStage]:
    """Each of `stages`, in order, with what decides it and where it is kept."""
    runs_dir = run.runs_folder
    planned: list[PlannedStage] = []
    every_input = stage_inputs(run, problem, stages, device)
    for number, (stage, inputs) in enumerate(zip(stages, every_input, strict=True)):
        key = stage_key(inputs)
        entry = stage_entry(runs_dir, key) if run.stages and stage.shared else None
        planned.append(PlannedStage(number, stage, stage.by or run.strategy, inputs, key, entry))
    return planned
