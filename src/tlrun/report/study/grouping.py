"""Which runs make a study: those of a declared plan, or else all of one problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tlrun.report.study.arms import Axis, axes_of
from tlrun.report.study.folder import Folder
from tlrun.report.study.labels import labels_of
from tlrun.report.study.trials import as_tuned
from tlrun.runs.outcome import Outcome
from tlrun.store.studydir import StudyPlan, studies


@dataclass(frozen=True)
class Grouped:
    """A study before anything is compared.

    id: of the plan, or of the problem where `plan` is None. axes: its arms, along λ. look: the how
    manieth declared study on the same test examples it is. others: finished runs of the problem
    that are part of no study. tuned: of its plan, where every arm chooses a learning rate: the
    folder as it is then seen, each seed's chosen trial alone. trials: all finished runs of it.
    """

    id: str
    problem: str
    axes: Sequence[Axis]
    plan: StudyPlan | None = None
    look: int = 1
    others: Sequence[Outcome] = ()
    tuned: Folder | None = None
    trials: Sequence[Outcome] = ()

    @property
    def runs(self) -> list[Outcome]:
        """Those of its arms."""
        return [run for axis in self.axes for run in axis.runs]


def grouped(folder: Folder) -> list[Grouped]:
    """The studies of a folder: the problem of the newest run first, of each its newest study first.

    The runs of a problem that has no declared study are one without a plan. Of a problem that has,
    the others are listed with its newest study of which an arm has a finished run; they are one
    without a plan where there is none.
    """
    declared: dict[str, list[StudyPlan]] = {}
    every = studies(folder.runs_dir)
    looks = _looks(folder, every)
    for plan in every:
        declared.setdefault(plan.problem, []).append(plan)
    found: list[Grouped] = []
    for problem, runs in by_problem(folder).items():
        plans = declared.get(problem, [])
        rest = outside(runs, plans)
        if not plans:
            found.append(undeclared(runs))
        for plan in reversed(plans):
            study = _of_plan(plan, runs, folder, looks[plan.id], rest)
            if study.axes:
                found.append(study)
                rest = []
        if plans and rest:
            found.append(undeclared(rest))
    return found


def outside(runs: Sequence[Outcome], plans: Sequence[StudyPlan]) -> list[Outcome]:
    """Those of `runs` that no plan has, neither as an arm nor as a control."""
    settings = frozenset[str]().union(*(plan.every_setting for plan in plans))
    return [run for run in runs if run.setting not in settings]


def undeclared(runs: Sequence[Outcome]) -> Grouped:
    """All runs of one problem, which nobody has declared: what no other is measured against.

    Where each is a control of another, or none has any, all of them are arms.
    """
    controls = {setting for run in runs for setting in run.controls.values()}
    asked = [run for run in runs if run.setting not in controls] or list(runs)
    return Grouped(runs[0].problem, runs[0].problem, axes_of(asked, labels_of(asked)))


def by_problem(folder: Folder) -> Mapping[str, list[Outcome]]:
    """The finished runs of each problem, the problem of the newest run first."""
    problems: dict[str, list[Outcome]] = {}
    for run in reversed(folder.finished):
        problems.setdefault(run.problem, []).append(run)
    return {problem: runs[::-1] for problem, runs in problems.items()}


def _of_plan(
    plan: StudyPlan, runs: Sequence[Outcome], folder: Folder, look: int, others: Sequence[Outcome]
) -> Grouped:
    """The study of a plan. runs: all finished ones of its problem."""
    if plan.tuning is None:
        return Grouped(plan.id, plan.problem, _axes(runs, plan), plan, look, others)
    tuned = as_tuned(folder, plan)
    seen = [run for run in tuned.finished if run.problem == plan.problem]
    tried = [run for run in runs if run.setting in plan.every_setting]
    return Grouped(plan.id, plan.problem, _axes(seen, plan), plan, look, others, tuned, tried)


def _axes(runs: Sequence[Outcome], plan: StudyPlan) -> list[Axis]:
    """The arms of a plan that have a finished run, in its order."""
    labels = {arm.family: arm.label for arm in plan.arms}
    settings = {setting for arm in plan.arms for setting in arm.settings}
    by_family = {axis.family: axis for axis in axes_of(_of(runs, settings), labels)}
    return [by_family[arm.family] for arm in plan.arms if arm.family in by_family]


def _of(runs: Sequence[Outcome], settings: set[str]) -> list[Outcome]:
    return [run for run in runs if run.setting in settings]


def _looks(folder: Folder, plans: Sequence[StudyPlan]) -> dict[str, int]:
    """Of each declared study, by id, the how manieth it is on the test examples of its runs.

    plans: all that are declared, the oldest first.
    """
    examples: dict[str, set[str]] = {}  # that have tested, by setting
    for run in folder.finished:
        examples.setdefault(run.setting, set()).add(run.test_examples)
    looks: dict[str, int] = {}
    earlier: dict[str, set[int]] = {}  # the places of the plans that have met some examples
    for place, plan in enumerate(plans):
        rows = set[str]().union(*(examples.get(setting, ()) for setting in plan.settings))
        looks[plan.id] = 1 + len(set[int]().union(*(earlier.get(row, ()) for row in rows)))
        for row in rows:
            earlier.setdefault(row, set()).add(place)
    return looks
