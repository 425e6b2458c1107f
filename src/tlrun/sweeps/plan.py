"""The runs and controls of many jobs, planned together and checked before any starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tlrun.config.build import Run
from tlrun.core.errors import Mistake, UserError
from tlrun.core.notes import DataLoaded, Note
from tlrun.runs.identity import digest_of, node_of
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS, Plan, ProblemCache, plan_with_controls
from tlrun.runs.run import find_finished
from tlrun.runs.screen import Screen
from tlrun.strategies.base import Stage

Arms = Mapping[str, Plan]  # the run that a job asks for, as THIS, and its controls by name


@dataclass
class SweepPlan:
    """arms: of every job, in order. runs: each run once, by its folder, those asked for first, with
    its name. existing: the finished.
    """

    arms: list[Arms]
    runs: dict[Path, tuple[str, Plan]]
    existing: dict[Path, Outcome]

    @property
    def missing(self) -> dict[Path, tuple[str, Plan]]:
        """The runs still to be trained.

        Those that are the first to need a stage come first, so that few wait for a stage that
        another is training.
        """
        first: dict[Path, tuple[str, Plan]] = {}
        later: dict[Path, tuple[str, Plan]] = {}
        known: set[str] = set()
        for path, run in self.runs.items():
            if path in self.existing:
                continue
            keys = run[1].shared_keys
            if keys <= known:
                later[path] = run
            else:
                first[path] = run
            known |= keys
        return first | later


@dataclass
class Counted:
    """A screen that gathers what planning has to say, so that a hundred runs say it once."""

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


def plan_sweep(runs: Sequence[Run], screen: Screen) -> SweepPlan:
    """Plan every run, with its controls.

    Raises UserError, with nothing started, for all mistakes that only the data can tell.
    """
    counted = Counted()
    arms = _arms(runs, counted, screen)
    plans: dict[Path, tuple[str, Plan]] = {}
    for arms_of in arms:
        plans.setdefault(arms_of[THIS].run_dir.path, (THIS, arms_of[THIS]))
    for arms_of in arms:
        for name, plan in arms_of.items():
            plans.setdefault(plan.run_dir.path, (name, plan))
    existing: dict[Path, Outcome] = {}
    for path, (name, plan) in plans.items():
        again = plan.run.rerun and name == THIS
        outcome = None if again else find_finished(plan, name, counted)
        if outcome is not None:
            existing[path] = outcome
    for note, count in counted.notes.items():
        screen.note(note, count)
    return SweepPlan(arms, plans, existing)


def _arms(runs: Sequence[Run], counted: Counted, screen: Screen) -> list[Arms]:
    """The arms of every run, in order; the load report of a data set that is the only one is told.

    Raises UserError with the mistakes of all.
    """
    problems = ProblemCache()
    arms: dict[int, Arms] = {}
    mistakes: dict[Mistake, None] = {}
    report: DataLoaded | None = None
    # Runs of one data set and seed stand together, so that each problem is loaded once.
    datasets = [digest_of(node_of("dataset", run.dataset)) for run in runs]
    order = sorted(range(len(runs)), key=lambda k: (datasets[k], runs[k].seed, k))
    for k in order:
        run = runs[k]
        try:
            arms[k] = plan_with_controls(run, problems, counted)
        except UserError as error:
            mistakes |= dict.fromkeys(error.mistakes)
            continue
        if report is None and len(set(datasets)) == 1:
            report = DataLoaded(report=problems.load(run.dataset, run.seed).report)
    if mistakes:
        raise UserError(*mistakes)
    if report is not None:
        screen.note(report)
    return [arms[k] for k in range(len(runs))]
