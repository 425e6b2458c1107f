"""The arms that may stand in a stack: finished runs of one study on one draw of labels."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlrun.config.build import Run
from tlrun.config.registry import name_of
from tlrun.core.errors import SMALLER_LR, Mistake, UserError, say
from tlrun.core.task import Task, TaskKey
from tlrun.data.progress import Progress
from tlrun.report.study.labels import labels_of
from tlrun.report.study.predictions import tasks_of
from tlrun.runs.kept_config import kept_run
from tlrun.runs.outcome import Outcome, read_outcome
from tlrun.store.found import FoundRun, runs
from tlrun.store.studydir import StudyPlan, studies

KEY = "deliver"
SMALLER = "give the sweep again with a smaller optimizer.lr"
SAFE = ("scratch", "single_task")  # the control that the prior stands on: of transfer, of tasks


@dataclass(frozen=True)
class Arm:
    """One finished run, trained on all the labels. name: among the others. config: as typed."""

    name: str
    outcome: Outcome
    config: Run

    @property
    def safe(self) -> bool:
        """Whether nothing of another domain or task is in it, and it learns as the others do."""
        strategy = self.config.strategy
        own = getattr(strategy, "budget", "target") in ("target", "stage")
        start = getattr(strategy, "start", "random") == "random"
        return name_of("strategy", strategy) in SAFE and own and start


@dataclass(frozen=True)
class Arms:
    """What a stack is made of.

    every: the arms. safe: the place of scratch, or of each task alone, among them. tasks: what they
    answer, each judged by its metric. left_out: the names of other finished runs, and why.
    """

    every: tuple[Arm, ...]
    safe: int
    tasks: Mapping[TaskKey, Task]
    left_out: tuple[tuple[str, str], ...]

    @property
    def seed(self) -> int:
        """Of all: it has drawn the labels."""
        return self.every[self.safe].outcome.seed

    @property
    def problem(self) -> str:
        """The id that all share."""
        return self.every[self.safe].outcome.problem


def study_of(runs_dir: Path, named: str = "") -> StudyPlan:
    """The study whose id begins with `named`; without a name the one declared last.

    Raises UserError where there is none, or more than one.
    """
    there = studies(runs_dir)
    if not there:
        hint = "a sweep declares one: tl-run -m strategy=parameter_transfer seeds=5"
        raise UserError(Mistake(KEY, "a study", f"none below {runs_dir}", hint))
    if not named:
        return there[-1]
    fitting = [study for study in there if study.id.startswith(named)]
    if len(fitting) != 1:
        found = f"{len(fitting) or 'none'} that begin with {named}"
        hint = f"there are {', '.join(study.id for study in there[-5:])}"
        raise UserError(Mistake(KEY, "a folder of a run, or the id of a study", found, hint))
    return fitting[0]


def arms_of_study(runs_dir: Path, study: StudyPlan, seed: int | None = None) -> Arms:
    """Every finished arm, λ and control of a study, on one seed.

    seed: None: the first of those that have the most finished runs. Raises UserError as `arms_of`.
    """
    wanted = study.every_setting
    there = [run for run in runs(runs_dir) if run.record.get("status") == "finished"]
    there = [run for run in there if run.record.get("setting") in wanted]
    seeds = [int(run.record["seed"]) for run in there]
    if not seeds:
        hint = "give the command of the sweep again"
        raise UserError(Mistake(KEY, f"finished runs of study {study.id}", "none", hint))
    if seed is None:
        seed = max(sorted(set(seeds)), key=seeds.count)
    elif seed not in seeds:
        found = f"{seed}, but {', '.join(map(str, sorted(set(seeds))))}"
        raise UserError(Mistake(f"{KEY} --seed", "a seed of the study", found))
    return arms_of([run for run in there if run.record["seed"] == seed])


def arms_of_runs(runs_dir: Path, chosen: Sequence[FoundRun]) -> Arms:
    """Some finished runs and their finished controls. Raises UserError as `arms_of`."""
    wanted: set[str] = set()
    for run in chosen:
        wanted |= {str(run.record.get("setting")), *run.record.get("controls", {}).values()}
    seeds = {run.record.get("seed") for run in chosen}
    if len(seeds) > 1:
        found = f"seeds {', '.join(map(str, sorted(seeds, key=str)))}"
        raise UserError(Mistake(KEY, "runs of one seed, which has drawn their labels", found))
    there = [run for run in runs(runs_dir) if run.record.get("status") == "finished"]
    mine = [r for r in there if r.record.get("setting") in wanted and r.record.get("seed") in seeds]
    return arms_of(mine)


def arms_of(found: Collection[FoundRun]) -> Arms:
    """The arms among finished runs of one seed, of each setting the newest, if it has not diverged.

    Raises UserError where they are of several problems or draws of labels, where the data set can
    hold out nothing, or where there is no scratch, or none beside it.
    """
    newest = {str(run.record.get("setting")): run for run in found}  # the oldest first
    whole: list[Arm] = []
    far: list[Arm] = []
    left: list[tuple[str, str]] = []
    outcomes: list[tuple[FoundRun, Outcome]] = []
    progress = Progress("verifying", len(newest), say, "runs")
    for done, run in enumerate(newest.values()):
        progress.at(done)
        try:
            outcome = read_outcome(run.run_dir, "")
            run.run_dir.prove(run.record, deep=True)  # what is trained by it, or delivered
            outcomes.append((run, outcome))
        except (OSError, ValueError) as error:
            left.append((run.run_dir.name, f"cannot be read: {error}"))
    names = _names([outcome for _, outcome in outcomes])
    for run, outcome in outcomes:
        arm = Arm(names[outcome.setting], outcome, kept_run(run.run_dir))
        if why := _is_no_member(outcome):
            left.append((arm.name, why))
            far += [arm] * outcome.diverged
        else:
            whole.append(arm)
    _check_one_draw([*whole, *far])
    safe = _safe(whole, far, left)
    judged = tasks_of(whole[safe].outcome)
    if not judged:
        found_there = f"none in {whole[safe].outcome.path / 'data.json'}"
        raise UserError(Mistake(KEY, "tasks that are judged", found_there))
    able = []
    for arm in whole:
        if judged.keys() <= tasks_of(arm.outcome).keys():
            able.append(arm)
        else:
            left.append((arm.name, "does not answer every task"))
    if len(able) < 2:
        found_there = ", ".join(arm.name for arm in able)
        if far:
            found_there += f", for {', '.join(arm.name for arm in far)} diverged"
        raise UserError(Mistake(KEY, "two arms or more", found_there, SMALLER if far else ""))
    return Arms(tuple(able), able.index(whole[safe]), judged, tuple(left))


def _is_no_member(outcome: Outcome) -> str:
    """Why a finished run may not stand in a stack, as a clause; empty where it may."""
    if outcome.diverged:
        return f"has diverged: {outcome.how_far or SMALLER_LR}"
    return "" if (outcome.path / "model.safetensors").is_file() else "keeps no model"


def _names(outcomes: Sequence[Outcome]) -> dict[str, str]:
    """What the run of each setting is called: as a control of another, else by what it sets."""
    families = labels_of(outcomes)
    names = {}
    for outcome in outcomes:
        lam = f" λ={outcome.lam_label}" if outcome.lam_label else ""
        names[outcome.setting] = families[outcome.family] + lam
    for outcome in outcomes:
        for name, setting in outcome.controls.items():
            if setting in names:
                names[setting] = name
    return names


def _check_one_draw(arms: Sequence[Arm]) -> None:
    """Raise UserError where arms do not share a problem and what is bought of it."""
    problems = {arm.outcome.problem for arm in arms}
    datasets = {arm.config.dataset for arm in arms}
    if len(problems) > 1 or len(datasets) > 1:
        found = f"{max(len(problems), len(datasets))} problems or ways of buying labels"
        hint = "name the runs: tl-run deliver RUN …"
        raise UserError(Mistake(KEY, "arms on the same labels", found, hint))
    for dataset in datasets:
        if not hasattr(dataset, "holdout_fold"):
            name = name_of("dataset", dataset)
            expected = "a data set of which labels can be held out"
            raise UserError(Mistake(KEY, expected, f"dataset={name}, without holdout_fold"))
        folds = getattr(dataset, "test_folds", None)
        if folds is not None:
            found = f"dataset.test_folds={folds}"
            hint = "give the sweep again with dataset.test_folds=null"
            raise UserError(Mistake(KEY, "one test set that no arm has learnt from", found, hint))


def _safe(arms: Sequence[Arm], far: Sequence[Arm], left: Sequence[tuple[str, str]]) -> int:
    """The place of scratch, or of each task alone, by what the prior stands on.

    far: arms that have diverged. left: the names of runs that are left out, and why. Raises
    UserError where it is among those, or nowhere.
    """
    for place, arm in enumerate(arms):
        if arm.safe:
            return place
    expected = f"a finished control {' or '.join(SAFE)}"
    for arm in far:
        if arm.safe:
            raise UserError(Mistake(KEY, expected, f"{arm.name}, which has diverged", SMALLER))
    hint = "give the sweep again with controls=true"
    others = "; ".join(f"{name}: {why}" for name, why in left)
    raise UserError(Mistake(KEY, expected, f"none ({others})" if others else "none", hint))
