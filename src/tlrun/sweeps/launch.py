"""One sweep from its runs to its outcomes: plan them together, train what is missing, read what
came out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tlrun.config.build import Run
from tlrun.core.errors import RunBusy
from tlrun.runs.outcome import Outcome, read_outcome
from tlrun.runs.plan import THIS, Plan
from tlrun.runs.screen import Screen
from tlrun.store.sweepdir import SweepDir
from tlrun.sweeps.executors.base import Executor, Job, JobResults, Watcher
from tlrun.sweeps.plan import Arms, SweepPlan, plan_sweep


@dataclass(frozen=True)
class Failure:
    """A run that failed, why, and the file its process printed to."""

    path: Path
    reason: str
    log: Path


@dataclass(frozen=True)
class SweepResults:
    """What became of a sweep.

    outcomes: per job those of its run and controls; empty where its run failed. trained, found: how
    many runs. stages_trained, stages_found: of the runs trained now, how many of the stages that
    runs share.
    """

    outcomes: list[list[Outcome]]
    failures: list[Failure]
    trained: int
    found: int
    stages_trained: int
    stages_found: int


# (runs in all, runs found) → who is told how it goes
Watch = Callable[[int, int], AbstractContextManager[Watcher]]


def launch(
    runs: Sequence[Run],
    commands: Sequence[Sequence[str]],
    executor: Executor,
    screen: Screen,
    watch: Watch,
) -> SweepResults:
    """Carry out a sweep. commands: what sets each job, for the record.

    Raises UserError, with nothing started, where any run cannot work.
    """
    plan = plan_sweep(runs, screen)
    runs_dir = Path(runs[0].runs_dir).expanduser()
    folder = SweepDir.of(runs_dir, [arms[THIS].run_dir for arms in plan.arms])
    jobs = [Job(name, run, folder.log(run.run_dir)) for name, run in plan.missing.values()]
    folder.write(_record(plan, commands, "running", []))
    status, failures, results = "interrupted", list[Failure](), JobResults()
    try:
        if jobs:
            with watch(len(plan.runs), len(plan.existing)) as watcher:
                results = executor.run(jobs, watcher)
        failures = _failures(jobs, results)
        for failure in failures:
            folder.add(failure.log, failure.reason)
        status = "failed" if failures else "finished"
    finally:
        folder.write(_record(plan, commands, status, failures))
        folder.tidy([job.log for job in jobs])
    for failure in failures:
        _close_record(plan.runs[failure.path][1], failure.reason)
    return _gathered(plan, jobs, results, failures)


def _gathered(
    plan: SweepPlan, jobs: Sequence[Job], results: JobResults, failures: list[Failure]
) -> SweepResults:
    """Every outcome, read from its folder, and the counts."""
    lost = {failure.path for failure in failures}
    outcomes = [_outcomes(arms, plan.existing, lost) for arms in plan.arms]
    found = len(plan.existing) + len(results.found)
    stages = {True: 0, False: 0}
    for job in jobs:
        if job in results.found or job.path in lost:
            continue
        for stage in (job.plan.run_dir.record() or {}).get("stages", ()):
            if stage["key"]:
                stages[bool(stage["found"])] += 1
    trained = len(plan.runs) - len(failures) - found
    return SweepResults(outcomes, failures, trained, found, stages[False], stages[True])


def _outcomes(arms: Arms, existing: Mapping[Path, Outcome], lost: set[Path]) -> list[Outcome]:
    """Of a job's run and its controls; none where its run is lost."""
    if arms[THIS].run_dir.path in lost:
        return []
    outcomes = []
    for name, plan in arms.items():
        path = plan.run_dir.path
        if path in existing:
            outcomes.append(replace(existing[path], name=name))
        elif path not in lost:
            outcomes.append(read_outcome(plan.run_dir, name, found=False))
    return outcomes


def _failures(jobs: Sequence[Job], results: JobResults) -> list[Failure]:
    """The jobs whose runs have no outcome, in order."""
    failures = []
    for job in jobs:
        if reason := _why_lost(job, results):
            failures.append(Failure(job.path, reason, job.log))
    return failures


def _why_lost(job: Job, results: JobResults) -> str:
    """Why a run has no outcome; empty where it has one.

    A run that finished counts even where the server that would have said so is dead; one that
    another sweep has begun anew since (rerun=true) does not.
    """
    if job in results.failed:
        return results.failed[job]
    record = job.plan.run_dir.record() or {}
    if job in results.unknown and record.get("status") != "finished":
        return str(record.get("reason") or results.unknown[job])
    try:
        read_outcome(job.plan.run_dir, THIS)
    except (OSError, ValueError) as error:
        return f"finished, but its files cannot be read now ({type(error).__name__}: {error})"
    return ""


def _close_record(plan: Plan, reason: str) -> None:
    """Close the record of a run whose process could not do it itself."""
    run_dir = plan.run_dir
    with suppress(RunBusy, OSError), run_dir.locked(wait=False, note=lambda _: None):
        if (run_dir.record() or {}).get("status") == "running":
            run_dir.close("failed", {"reason": reason})


def _record(
    plan: SweepPlan, commands: Sequence[Sequence[str]], status: str, failures: Sequence[Failure]
) -> dict[str, object]:
    """What sweep.json says."""
    jobs = []
    for sets, arms in zip(commands, plan.arms, strict=True):
        runs = {name: f"{p.run_dir.group}/{p.run_dir.name}" for name, p in arms.items()}
        jobs.append({"sets": list(sets), "runs": runs})
    failed = {str(failure.path): failure.reason for failure in failures}
    return {"status": status, "runs": len(plan.runs), "failed": failed, "jobs": jobs}
