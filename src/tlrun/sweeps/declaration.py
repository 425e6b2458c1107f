"""The studies of a sweep, declared before any of its runs is trained: one for each problem."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlrun.config.registry import name_of
from tlrun.core.metrics import default_delta
from tlrun.core.notes import DeclaredOtherwise
from tlrun.runs.identity import lam_decides
from tlrun.runs.plan import THIS, Plan
from tlrun.runs.screen import Screen
from tlrun.store.studydir import Arm, StudyPlan, declare, read_study, study_file, study_id
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
    jobs: dict[str, list[int]] = defaultdict(list)  # by problem
    for number, arms in enumerate(plan.arms):
        jobs[arms[THIS].problem].append(number)
    found = []
    for problem, numbers in jobs.items():
        plans = [plan.arms[number][THIS] for number in numbers]
        called = labels([sets[number] for number in numbers])
        found.append(_declared(plan, problem, plans, called, asked, screen))
    return found


def _declared(
    plan: SweepPlan,
    problem: str,
    plans: Sequence[Plan],
    called: Sequence[str],
    asked: Asked,
    screen: Screen,
) -> StudyPlan:
    """The study of one problem. plans: of the runs asked for. called: the label of each."""
    run = plans[0].run
    runs_dir = Path(run.runs_dir).expanduser()
    metric = plan.headlines[problem]
    delta = run.verdict.delta
    if delta is None:
        delta = default_delta(metric)
    seeds = {each.run.seed for each in plans} | set(range(max(asked.looks, default=0)))
    path = study_file(runs_dir, study_id(problem, {each.setting for each in plans}))
    if path.exists():
        standing = read_study(path)
    else:
        of_problem = [each for _, each in plan.runs.values() if each.problem == problem]
        study = StudyPlan(
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
        )
        standing = declare(runs_dir, study)
    for note in _differences(standing, run.verdict.alpha, delta, seeds, path):
        screen.note(note)
    if asked.looks and not standing.auto:
        was, now = str(len(standing.seeds)), ", ".join(map(str, asked.looks))
        screen.note(DeclaredOtherwise(path=path, what="looks", declared=was, asked=now))
    return standing


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


def _controls(plans: Sequence[Plan]) -> Mapping[str, tuple[str, ...]]:
    """The settings of every control of an arm, by name."""
    settings: dict[str, set[str]] = defaultdict(set)
    for plan in plans:
        for name, setting in plan.controls.items():
            settings[name].add(setting)
    return {name: tuple(sorted(every)) for name, every in settings.items()}


def _differences(
    study: StudyPlan, alpha: float, delta: float | None, seeds: Collection[int], path: Path
) -> list[DeclaredOtherwise]:
    """What is asked for now otherwise than a study was declared."""
    notes = []
    if alpha != study.alpha:
        was, now = f"{study.alpha:g}", f"{alpha:g}"
        notes.append(DeclaredOtherwise(path=path, what="α", declared=was, asked=now))
    if delta != study.delta:
        was, now = _written(study.delta), _written(delta)
        notes.append(DeclaredOtherwise(path=path, what="δ", declared=was, asked=now))
    if later := set(seeds) - set(study.seeds):
        was, now = str(len(study.seeds)), f"{len(later)} more"
        notes.append(DeclaredOtherwise(path=path, what="seeds", declared=was, asked=now))
    return notes


def _written(delta: float | None) -> str:
    return "none" if delta is None else f"{delta:g}"
