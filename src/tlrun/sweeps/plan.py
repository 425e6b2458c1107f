"""The runs and controls of many jobs, planned together and checked before any starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from tlrun.config.build import Run
from tlrun.core.errors import Mistake, UserError
from tlrun.core.metrics import headline_of
from tlrun.core.notes import DataLoaded, Note
from tlrun.data.base import Dataset
from tlrun.runs.identity import digest_of, node_of
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS, Plan, plan_with_controls
from tlrun.runs.remembered import ProblemCache
from tlrun.runs.run import find_finished
from tlrun.runs.screen import Screen
from tlrun.strategies.base import Stage
from tlrun.sweeps.trials import check_choice, trials_of

Arms = Mapping[str, Plan]  # the run that a job asks for, as THIS, and its controls by name


@dataclass(frozen=True)
class SweepPlan:
    """The runs of a sweep.

    trials: of every job, in order, the arms of each of its trials: one, or as many as there are
    rates to choose from. runs: each run once, with its name, by its folder; those asked for come
    first. existing: the outcomes of those that are finished, by folder. headlines: what the score
    of each problem is called, by its id.
    """

    trials: list[tuple[Arms, ...]]
    runs: dict[Path, tuple[str, Plan]]
    existing: dict[Path, Outcome]
    headlines: Mapping[str, str]

    @property
    def arms(self) -> list[Arms]:
        """Those of every job, in order; where it has several trials, those of the first."""
        return [trials[0] for trials in self.trials]

    @property
    def every_arms(self) -> list[Arms]:
        """Those of every trial of every job, in order."""
        return [arms for trials in self.trials for arms in trials]

    @property
    def missing(self) -> dict[Path, tuple[str, Plan]]:
        """The runs still to be trained, in the order in which they are best begun.

        Seed by seed, so that a sweep that is stopped has whole seeds, and its arms and controls are
        compared on the same ones. Within a seed those that are the first to need a stage come
        first, and those that wait for one last, so that few wait for what another is training.
        """
        seeds: dict[int, None] = {}  # in the order of the jobs
        turns: dict[Path, int] = {}
        met: set[str] = set()  # keys of stages that a run before this one needs
        for path, (_, plan) in self.runs.items():
            seeds.setdefault(plan.run.seed)
            if path in self.existing:
                continue
            keys = plan.shared_keys
            turns[path] = 0 if keys - met else 2 if keys else 1
            met |= keys
        order = {seed: place for place, seed in enumerate(seeds)}

        def place(path: Path) -> tuple[int, int]:
            return order[self.runs[path][1].run.seed], turns[path]

        return {path: self.runs[path] for path in sorted(turns, key=place)}


@dataclass
class Counted:
    """A screen that counts the notes of planning, so that what a hundred runs say is said once."""

    notes: Counter[Note] = field(default_factory=Counter)

    def note(self, note: Note, runs: int = 1) -> None:
        """Count a note, whichever run it is about."""
        self.notes[note.without_path()] += runs

    def begin(self, run: str, stage: Stage) -> None:
        """Nothing runs while a sweep is planned."""

    def step(self, step: int, terms: Mapping[str, float]) -> None:
        """Nothing runs while a sweep is planned."""

    def end(self) -> None:
        """Nothing runs while a sweep is planned."""


def plan_sweep(
    runs: Sequence[Run], screen: Screen, reading: Callable[[Dataset], None]
) -> SweepPlan:
    """Plan every run at each rate that is tried, with its controls, and find those finished.

    runs: one a job. screen: is told, once each, the notes of all. reading: is told of data sets
    that have to be read, before they are; what was read of them is remembered. Raises UserError,
    with nothing trained, for all mistakes that only the data can tell.
    """
    problems = ProblemCache(reading)
    plan = plan_with(runs, screen, problems)
    problems.remember()
    return plan


def plan_with(runs: Sequence[Run], screen: Screen, problems: ProblemCache) -> SweepPlan:
    """The plan of `plan_sweep`, with nothing written: what `problems` has read is not remembered.

    Raises UserError as `plan_sweep` does.
    """
    counted = Counted()
    tried = [trials_of(run) for run in runs]
    every = [trial for trials in tried for trial in trials]
    every_arms, headlines = _arms(every, counted, screen, problems)
    rest = iter(every_arms)
    of_jobs = [tuple(islice(rest, len(trials))) for trials in tried]
    plans: dict[Path, tuple[str, Plan]] = {}
    for arms in every_arms:
        plans.setdefault(arms[THIS].run_dir.path, (THIS, arms[THIS]))
    for arms in every_arms:
        for name, plan in arms.items():
            plans.setdefault(plan.run_dir.path, (name, plan))
    existing: dict[Path, Outcome] = {}
    for path, (name, plan) in plans.items():
        outcome = None if plan.run.rerun else find_finished(plan, name, counted)
        if outcome is not None:
            existing[path] = outcome
    for note, count in counted.notes.items():
        screen.note(note, count)
    return SweepPlan(of_jobs, plans, existing, headlines)


def _arms(
    runs: Sequence[Run], counted: Counted, screen: Screen, problems: ProblemCache
) -> tuple[list[Arms], dict[str, str]]:
    """The arms of every run, in order, and what the score of each problem is called, by its id.

    screen: gets the load report, where all share a data set. Raises UserError with the mistakes of
    all, each once, in the order of the runs.
    """
    arms: dict[int, Arms] = {}
    headlines: dict[str, str] = {}
    refused: dict[int, UserError] = {}
    report: DataLoaded | None = None
    # Runs of one data set and seed stand together, so that each problem is loaded once.
    datasets = [digest_of(node_of("dataset", run.dataset)) for run in runs]
    order = sorted(range(len(runs)), key=lambda k: (datasets[k], runs[k].seed, k))
    for k in order:
        run = runs[k]
        try:
            arms[k] = plan_with_controls(run, problems, counted)
            check_choice(run, problems.planned(run))
        except UserError as error:
            refused[k] = error
            continue
        headlines[arms[k][THIS].problem] = headline_of(problems.planned(run))
        if report is None and len(set(datasets)) == 1:
            report = DataLoaded(report=problems.planned(run).report)
    if refused:
        mistakes: dict[Mistake, None] = {}
        for k in sorted(refused):
            mistakes |= dict.fromkeys(refused[k].mistakes)
        raise UserError(*mistakes)
    if report is not None:
        screen.note(report)
    return [arms[k] for k in range(len(runs))], headlines
