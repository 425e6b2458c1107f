"""The studies of a sweep, declared before any of its runs is trained: one for each problem."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlrun.config.registry import name_of
from tlrun.core.metrics import default_delta
from tlrun.core.notes import DeclaredOtherwise
from tlrun.runs.identity import lam_decides
from tlrun.runs.plan import THIS, Plan
from tlrun.runs.screen import Screen
from tlrun.store.studydir import Arm, StudyPlan, Trials, declare, read_study, study_file
from tlrun.sweeps.labels import labels
from tlrun.sweeps.plan import SweepPlan


@dataclass(frozen=True)
class Asked:
    """How a sweep was asked for.

    command: the command line that makes it again. looks: after how many seeds the results are
    looked at, where they decide the number of seeds; the sweep may then be that of a first look.
    """

    command: str = ""
    looks: tuple[int, ...] = ()


def declared_studies(
    plan: SweepPlan, sets: Sequence[Sequence[str]], asked: Asked, screen: Screen
) -> list[StudyPlan]:
    """The studies of a sweep as they stand: those that are new are declared now.

    sets: of every job what it sets. screen: is told where a study is asked for now otherwise than
    it was declared. Raises UserError where a study is not as it was declared, OSError where none
    can be written.
    """
    found = []
    for study in asked_studies(plan, sets, asked):
        runs_dir = plan.arms[0][THIS].run.runs_folder
        path = study_file(runs_dir, study.id)
        standing = read_study(path) if path.exists() else declare(runs_dir, study)
        for note in differences(standing, study, path):
            screen.note(note)
        found.append(standing)
    return found


def asked_studies(plan: SweepPlan, sets: Sequence[Sequence[str]], asked: Asked) -> list[StudyPlan]:
    """The studies that a sweep asks for, one for each problem, as they would be declared now.

    sets: of every job what it sets. Nothing is written, and what is declared already is not read.
    """
    jobs: dict[str, list[int]] = defaultdict(list)  # by problem
    for number, arms in enumerate(plan.arms):
        jobs[arms[THIS].problem].append(number)
    studies = []
    for numbers in jobs.values():
        trials = [[arms[THIS] for arms in plan.trials[number]] for number in numbers]
        called = labels([sets[number] for number in numbers])
        studies.append(_study(plan, trials, called, asked))
    return studies


def _study(
    plan: SweepPlan, trials: Sequence[Sequence[Plan]], called: Sequence[str], asked: Asked
) -> StudyPlan:
    """The study of one problem.

    trials: of every run that is asked for, its plan at each rate that is tried; the first stands
    for all. called: the label of each.
    """
    plans = [tried[0] for tried in trials]
    problem, run = plans[0].problem, plans[0].run
    metric = plan.headlines[problem]
    delta = run.verdict.delta
    if delta is None:
        delta = default_delta(metric)
    seeds = {each.run.seed for each in plans} | set(range(max(asked.looks, default=0)))
    of_problem = [each for _, each in plan.runs.values() if each.problem == problem]
    return StudyPlan(
        problem=problem,
        dataset=name_of("dataset", run.dataset),
        metric=metric,
        arms=_arms(plans, called),
        seeds=tuple(sorted(seeds)),
        looks=asked.looks,
        alpha=run.verdict.alpha,
        delta=delta,
        command=asked.command,
        runs=len(of_problem),
        finished_before=sum(map(_finished, of_problem)),
        tuning=_tuning(trials),
    )


def _finished(plan: Plan) -> bool:
    """Whether a run has finished, under whatever fingerprint, and so may have been seen."""
    return (plan.run_dir.record() or {}).get("status") == "finished"


def _arms(plans: Sequence[Plan], called: Sequence[str]) -> tuple[Arm, ...]:
    """An arm a family, in the order in which they were asked for."""
    families: dict[str, list[Plan]] = defaultdict(list)
    names: dict[str, str] = {}
    for plan, label in zip(plans, called, strict=True):
        families[plan.family].append(plan)
        names.setdefault(plan.family, label or name_of("strategy", plan.run.strategy))
    arms = []
    for family, members in families.items():
        lams = {}
        for plan in members:
            if lam_decides(plan.run):
                lams[plan.run.lam.label.replace("inf", "∞")] = plan.run.lam.at(1.0).value
        arm = Arm(
            strategy=name_of("strategy", members[0].run.strategy),
            label=names[family],
            family=family,
            settings=tuple(sorted({plan.setting for plan in members})),
            lams=tuple(sorted(lams, key=lambda written: (lams[written], written))),
            controls=_controls(members),
        )
        arms.append(arm)
    return tuple(arms)


def _tuning(trials: Sequence[Sequence[Plan]]) -> tuple[Trials, ...] | None:
    """The trials of every setting, each once; None where no run has any.

    Of a run, and of each of its controls by name, whether it is asked for or not, for a report
    shows those too that another sweep has run. What learns by no rate has one setting, and none.
    """
    if all(len(tried) == 1 for tried in trials):
        return None
    found: dict[Trials, None] = {}
    for tried in trials:
        rates = tuple(each.run.optimizer.lr for each in tried)
        every = [{THIS: each.setting, **each.controls} for each in tried]
        for name in every[0]:
            settings = tuple(each[name] for each in every)
            if len(set(settings)) > 1:
                found[Trials(rates, settings)] = None
    return tuple(found)


def _controls(plans: Sequence[Plan]) -> Mapping[str, tuple[str, ...]]:
    """The settings of every control of an arm, by name."""
    settings: dict[str, set[str]] = defaultdict(set)
    for plan in plans:
        for name, setting in plan.controls.items():
            settings[name].add(setting)
    return {name: tuple(sorted(every)) for name, every in settings.items()}


def differences(standing: StudyPlan, now: StudyPlan, path: Path) -> list[DeclaredOtherwise]:
    """What is asked for now otherwise than the `standing` study in the file `path` was declared."""
    notes = []
    if now.alpha != standing.alpha:
        was, asked = f"{standing.alpha:g}", f"{now.alpha:g}"
        notes.append(DeclaredOtherwise(path=path, what="α", declared=was, asked=asked))
    if now.delta != standing.delta:
        was, asked = _written(standing.delta), _written(now.delta)
        notes.append(DeclaredOtherwise(path=path, what="δ", declared=was, asked=asked))
    if later := set(now.seeds) - set(standing.seeds):
        was, asked = str(len(standing.seeds)), f"{len(later)} more"
        notes.append(DeclaredOtherwise(path=path, what="seeds", declared=was, asked=asked))
    if now.looks and not standing.auto:
        was, asked = str(len(standing.seeds)), ", ".join(map(str, now.looks))
        notes.append(DeclaredOtherwise(path=path, what="looks", declared=was, asked=asked))
    return notes


def _written(delta: float | None) -> str:
    return "none" if delta is None else f"{delta:g}"
