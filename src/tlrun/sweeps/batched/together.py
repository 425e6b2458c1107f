"""Runs of a sweep carried out together: one product for all their heads, a whole folder for each.

A stack that is stopped is trained again whole: what it has in memory is seconds of work.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from tlrun.core.errors import STOPPED, RunFailed, TlrunError, UserError
from tlrun.core.notes import HeadsTogether
from tlrun.core.seeding import exactly
from tlrun.runs.attempts import NOTHING_BEFORE, earlier_attempt
from tlrun.runs.learn import tested
from tlrun.runs.remembered import ProblemCache
from tlrun.runs.run import find_finished, train
from tlrun.runs.run_record import begin, close_failed, close_stopped, finished, reason_of
from tlrun.runs.screen import Screen
from tlrun.runs.stages import DoneStage
from tlrun.store.finished import Finished, finish
from tlrun.sweeps.batched.eligible import stack_key
from tlrun.sweeps.batched.families import JobFamily, families_of
from tlrun.sweeps.batched.opened import open_family
from tlrun.sweeps.executors.base import Job
from tlrun.training.stacked.loop import Stack

KEPT = 2**28  # bytes of weights, after which the folders of the runs that have them are written


@dataclass(frozen=True)
class Result:
    """What became of a job. found: whether it was finished. reason: why it failed, if it did."""

    job: Job
    found: bool = False
    reason: str = ""


Report = Callable[[Result], None]


def carry_out(jobs: Sequence[Job], screen: Screen, report: Report) -> None:
    """Train jobs together, each into its folder. report: is told what became of each, once.

    jobs: that have a `stack_key`; those of one are one product. Raises KeyboardInterrupt or
    Terminated where they are stopped; the run.json of each that is begun says so.
    """
    with ExitStack() as held:
        for job in sorted(jobs, key=lambda job: job.path):  # in one order in every process
            held.enter_context(job.plan.run_dir.locked(wait=True, note=screen.note))
        stacks: dict[str | None, list[Job]] = {}
        for job in jobs:
            run = job.plan.run
            if not run.rerun and find_finished(job.plan, job.name, screen) is not None:
                report(Result(job, found=True))
            else:
                stacks.setdefault(stack_key(job.plan), []).append(job)
        together = _Together(screen, report)
        try:
            for alike in stacks.values():
                together.train(alike)
        except STOPPED as stop:
            for job, started in together.unfinished().items():
                close_stopped(job.plan, stop, started)
            raise


@dataclass
class _Together:
    """Runs on their way. begun: those with a folder that is not closed yet, and since when."""

    screen: Screen
    report: Report
    begun: dict[Job, float] = field(default_factory=dict)
    problems: ProblemCache = field(default_factory=ProblemCache)

    def train(self, jobs: Sequence[Job]) -> None:
        """Train runs of one stack that nobody else has, as many at once as memory holds."""
        at_once: list[JobFamily] = []
        for family in families_of(jobs, self.problems):
            if family.refusal:
                for job in family.jobs:
                    self.report(Result(job, reason=family.refusal))
            elif not family.stacks:
                for job in family.jobs:
                    self._alone(job)
            else:
                if at_once and not family.fits(at_once):
                    self._fit(at_once)
                    at_once = []
                if self._opened(family):
                    at_once.append(family)
        if at_once:
            self._fit(at_once)

    def unfinished(self) -> dict[Job, float]:
        """Those of the runs begun that run.json does not call finished: it may, before we do."""
        status = {job: (job.plan.run_dir.record() or {}).get("status") for job in self.begun}
        return {job: since for job, since in self.begun.items() if status[job] != "finished"}

    def _alone(self, job: Job) -> None:
        """Train a run by the loop."""
        try:
            train(job.plan, job.name, self.problems, self.screen)
        except TlrunError as error:  # such as an attempt of its own that it may not go on from
            self.report(Result(job, reason=reason_of(error, job.path)))
        else:
            self.report(Result(job))

    def _opened(self, family: JobFamily) -> bool:
        """Make the folders of a family and carry out all but the last stage; whether that went."""
        family.jobs = [job for job in family.jobs if self._begin(job, family)]
        if not family.jobs:
            return False
        plans, started = [job.plan for job in family.jobs], time.monotonic()
        try:
            assert family.problem is not None
            with exactly(plans[0].run.threads):
                opened = open_family(plans, family.jobs[0].name, family.problem, self.screen)
            for plan in plans[1:]:  # the first has them
                for done in opened.before:
                    for row in done.rows:
                        plan.run_dir.log(row)
        except STOPPED:
            raise
        except BaseException as error:  # noqa: BLE001  # SystemExit too, as of a run alone
            self._fail(family.jobs, error)
            return False
        trained = sum(stage.seconds for stage in opened.before if not stage.found)
        family.opened, family.seconds = opened, time.monotonic() - started - trained
        return True

    def _begin(self, job: Job, family: JobFamily) -> bool:
        """Make the folder of a run; whether that went. Nothing inexact is gone on from."""
        assert family.problem is not None
        self.begun[job] = time.monotonic()
        try:
            attempt = earlier_attempt(job.plan)
            exact = NOTHING_BEFORE if attempt.inexact else attempt
            begin(job.plan, family.problem, "stacked", exact)
        except UserError as error:  # an earlier attempt, which stays as it is
            del self.begun[job]
            self.report(Result(job, reason=reason_of(error, job.path)))
        except Exception as error:  # noqa: BLE001  # of this run alone, whatever it is
            self._fail([job], error)
        return job in self.begun

    def _fit(self, families: Sequence[JobFamily]) -> None:
        """Train the heads of families as one product; test and keep each run."""
        try:
            self._fit_all(families)
        except STOPPED:
            raise
        except BaseException as error:  # noqa: BLE001  # as above
            self._fail([job for family in families for job in family.jobs], error)

    def _fit_all(self, families: Sequence[JobFamily]) -> None:
        jobs = [job for family in families for job in family.jobs]
        first, started = jobs[0].plan, time.monotonic()
        megabytes = sum(family.bytes for family in families) / 1e6
        if len(jobs) > 1:
            self.screen.note(HeadsTogether(runs=len(jobs), megabytes=megabytes))
        with exactly(first.run.threads):
            members = []
            for family in families:
                assert family.opened is not None
                members.append(family.opened.family([job.plan.run_dir.log for job in family.jobs]))
            stack = Stack(members, first.stages[-1].strategy, first.run.trainer)
            stage = first.stages[-1].stage
            name = stage.name if len(jobs) == 1 else f"{stage.name}, {len(jobs)} runs at once"
            self.screen.begin(jobs[0].name, replace(stage, name=name))
            try:
                failed = stack.fit(lambda step: self.screen.step(step, {}))
            finally:
                self.screen.end()
            self._test_all(families, stack, failed, (time.monotonic() - started) / len(jobs))

    def _test_all(
        self, families: Sequence[JobFamily], stack: Stack, failed: dict[int, str], seconds: float
    ) -> None:
        """Test every run that has not failed, and keep it. seconds: of a run's training."""
        kept: dict[Job, Finished] = {}
        number = 0
        for family in families:
            for job in family.jobs:
                if number in failed:
                    self._fail([job], RunFailed(failed[number]))
                else:
                    own = seconds + family.seconds / len(family.jobs)
                    try:
                        kept[job] = self._tested(family, job, stack, number, own)
                    except RunFailed as failure:  # of its answers, and of no other's
                        self._fail([job], failure)
                number += 1
                weights = (t for each in kept.values() for t in each.weights.values())
                if sum(tensor.nbytes for tensor in weights) > KEPT:
                    self._keep(kept)
        self._keep(kept)

    def _tested(
        self, family: JobFamily, job: Job, stack: Stack, number: int, seconds: float
    ) -> Finished:
        """What a run of a stack has come to. number: its own in the stack."""
        opened, begun = family.opened, time.monotonic()
        assert opened is not None
        assert family.problem is not None
        stack.load(number, opened.model)
        resuming = replace(opened.runner.resuming, plan=job.plan)
        problem = family.problem.unopened()
        runner = replace(opened.runner, resuming=resuming, problem=problem)
        done = opened.before_of(job.plan)
        done.append(DoneStage(job.plan.stages[-1], opened.model, seconds, found=False))
        learnt = tested(runner, done, None, opened.encode)
        seconds += time.monotonic() - begun
        seconds += sum(stage.seconds - stage.earlier for stage in done[:-1])
        return finished(job.plan, runner.problem, learnt, seconds)

    def _keep(self, kept: dict[Job, Finished]) -> None:
        """Write the folders of runs, all together; on a disk that is full, as many as it holds."""
        try:
            finish(list(kept.values()))
        except OSError:
            for job, each in kept.items():
                if job in self.unfinished():
                    try:
                        finish([each])
                    except OSError as error:
                        self._fail([job], error)
        for job in kept:
            if job in self.begun:
                del self.begun[job]
                self.report(Result(job))
        kept.clear()

    def _fail(self, jobs: Sequence[Job], error: BaseException) -> None:
        """Write down, of those jobs that are not over, that they have failed."""
        unfinished = self.unfinished()
        for job in jobs:
            if job in unfinished:
                failure = close_failed(job.plan, error, unfinished[job])
                self.report(Result(job, reason=failure.reason))
            elif job in self.begun:
                self.report(Result(job))
            self.begun.pop(job, None)
