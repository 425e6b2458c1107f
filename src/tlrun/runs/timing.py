"""What the steps of a run take, found by doing a few of them in a folder that is thrown away."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

from tlrun.core.notes import Note
from tlrun.core.problem import Problem
from tlrun.core.seeding import exactly
from tlrun.core.signals import raised
from tlrun.runs.plan import Plan, PlannedStage, plan
from tlrun.runs.remembered import ProblemCache
from tlrun.strategies.base import Stage

WARM = 2  # the first steps of a process are slow, and are not counted
FEWEST = 3  # steps that are counted, below which nothing is said
MOST = 30
FEW_STEPS = 4  # of the stage before one that is timed, so that this has something to start from


@dataclass(frozen=True)
class TimedStage:
    """One stage. seconds: a step, evaluations included. parameters: of its model."""

    seconds: float
    parameters: int


class _EnoughError(Exception):
    """Ends a stage of which enough steps are timed, or which takes too long."""


@dataclass
class _Clock:
    """A screen that takes down when each step was done. until: when it stops the stage."""

    until: float
    times: list[float] = field(default_factory=list)

    def note(self, note: Note, runs: int = 1) -> None:
        """It has been told of already, where the runs were planned."""

    def begin(self, run: str, stage: Stage) -> None:
        """A stage begins."""
        self.times = [time.monotonic()]

    def step(self, step: int, terms: Mapping[str, float]) -> None:
        """A step is done, or a part of what is computed before the first."""
        self.times.append(time.monotonic())
        if self.times[-1] > self.until or (terms and step >= MOST):
            raise _EnoughError

    def end(self) -> None:
        """The stage is over, well or not."""


def timed_stages(timed: Plan, problems: ProblemCache, seconds: float) -> list[TimedStage | None]:
    """What a step of each stage of a plan's first fold takes, in about so many `seconds`.

    None of a stage of which too few steps could be done. problems: has the data, or reads them.
    The model is trained in a temporary folder, on training examples; the test set stays shut.
    """
    with raised(), TemporaryDirectory() as folder, exactly(timed.run.threads):
        problem = problems.load(timed.run.dataset, timed.run.seed)
        real = _elsewhere(timed, Path(folder), problems, timed.run.trainer.steps)
        short = _elsewhere(timed, Path(folder), problems, FEW_STEPS)
        return _each_stage(real, short, problem.parts[0], time.monotonic() + seconds)


def _elsewhere(timed: Plan, folder: Path, problems: ProblemCache, steps: int) -> Plan:
    """The same plan of so many steps in another folder, with no stage kept or found."""
    trainer = replace(timed.run.trainer, steps=min(steps, timed.run.trainer.steps))
    run = replace(timed.run, runs_dir=str(folder), stages=False, trainer=trainer)
    elsewhere = plan(run, problems, _Clock(0.0))
    elsewhere.run_dir.path.mkdir(parents=True, exist_ok=True)
    return elsewhere


def _each_stage(real: Plan, short: Plan, problem: Problem, until: float) -> list[TimedStage | None]:
    """Time the stages of `real` in turn; each starts from that before it in `short`."""
    from tlrun.runs.resuming import Resuming
    from tlrun.runs.stages import StageRunner

    fold = 0 if len(real.folds) > 1 else None
    previous = None
    found: list[TimedStage | None] = []
    for number, (whole, brief) in enumerate(zip(real.stages, short.stages, strict=True)):
        left = len(real.stages) - number
        clock = _Clock(time.monotonic() + (until - time.monotonic()) / left)
        timed = Resuming(real, clock)
        runner = StageRunner(timed, problem, "timing", stored=False, fold=fold)
        with suppress(_EnoughError):
            runner.run_stage(whole, previous)
        seconds = _seconds(clock.times, real.run.trainer.eval_every, whole)
        quiet = _Clock(until)
        try:
            once = Resuming(short, quiet)
            done = StageRunner(once, problem, "timing", stored=False, fold=fold)
            previous = done.run_stage(brief, previous).model
        except _EnoughError:
            return [*found, *[None] * left]
        parameters = sum(each.numel() for each in previous.parameters())
        found.append(None if seconds is None else TimedStage(seconds, parameters))
    return found


def _seconds(times: Sequence[float], every: int, planned: PlannedStage) -> float | None:
    """Seconds a step from the times at which steps were done; None where there are too few.

    every: after how many steps one evaluates, which is counted as often as it comes.
    """
    took = [after - before for before, after in pairwise(times)]
    counted = dict(enumerate(took, start=1))
    plain = [each for step, each in counted.items() if step > WARM and step % every]
    evaluating = [each for step, each in counted.items() if step > WARM and step % every == 0]
    if planned.stage.steps <= WARM + FEWEST and took:
        return fmean(took)
    if len(plain) + len(evaluating) < FEWEST:
        return None
    if not plain:
        return fmean(evaluating)
    step = fmean(plain)  # not the median: a machine that others use too is as slow later
    extra = max(0.0, fmean(evaluating) - step) if evaluating else 0.0
    return step + extra / every
