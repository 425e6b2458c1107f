"""One sweep, from its runs to its outcomes: planned together, what is missing trained, all read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tlrun.config.build import Run
from tlrun.core.errors import STOPPED, Mistake, RunBusy, UserError
from tlrun.core.signals import raised
from tlrun.runs.outcome import Outcome, read_outcome
from tlrun.runs.plan import THIS
from tlrun.runs.screen import Screen
from tlrun.store.finished import drop_left
from tlrun.store.locks import locked
from tlrun.store.room import check_writable
from tlrun.store.studydir import StudyPlan
from tlrun.store.sweepdir import SweepDir
from tlrun.sweeps.declaration import Asked, declared_studies
from tlrun.sweeps.executors.base import Executor, Job, JobResults, Watcher
from tlrun.sweeps.plan import Arms, SweepPlan, plan_sweep
from tlrun.sweeps.stopped import progress_of, stopped


@dataclass(frozen=True)
class Failure:
    """A run that failed. path: its folder. reason: why. log: the file its process printed to."""

    path: Path
    reason: str
    log: Path


@dataclass(frozen=True)
class SweepResults:
    """What became of a sweep.

    outcomes: per job those of its run and controls, less those that failed; empty where its run
    failed, or, of a job with several trials, one of them; else those of all. trained, found:
    how many runs. stages_trained, stages_found: how many of the stages that runs share were trained
    by the runs trained now, and loaded by them. studies: what was declared, one for each problem.
    """

    outcomes: list[list[Outcome]]
    failures: list[Failure]
    trained: int
    found: int
    stages_trained: int
    stages_found: int
    studies: list[StudyPlan]


# (runs in all, runs found) → who is told how it goes, for as long as the context is open
Watch = Callable[[int, int], AbstractContextManager[Watcher]]


def launch(
    runs: Sequence[Run],
    commands: Sequence[Sequence[str]],
    executor: Executor,
    screen: Screen,
    watch: Watch,
    asked: Asked | None = Asked(),  # noqa: B008  # frozen
) -> SweepResults:
    """Carry out a sweep.

    runs: one a job, all below one `runs_dir`. commands: the overrides that set each job, for the
    record. executor: trains the runs that are missing, and prepares while data are read. screen:
    is told the notes of planning. watch: gives who is told how training goes. asked: how; None: it
    is no study of its own, so nothing is declared, and the sweep is not kept.

    Raises UserError, with nothing trained, where any run cannot work or a declared study is
    damaged, and SweepStopped where a signal ends it; a second one on its heels is raised as it is.
    """
    plan = plan_sweep(runs, screen, executor.prepare)
    drop_left(plan.runs[path][1].run_dir for path in plan.existing)
    folder = _folder(plan, runs[0].runs_folder)
    studies = _declared(plan, commands, asked, screen)
    jobs = [Job(name, run, folder.log(run.run_dir)) for name, run in plan.missing.values()]
    outcomes, failures = dict(plan.existing), list[Failure]()
    results, status = JobResults(), "interrupted"
    with raised():
        if studies:
            folder.write(_record(plan, commands, "running", []))
        try:
            results = _carried_out(jobs, plan, executor, watch)
            failures = _failures(jobs, results, outcomes, folder)
            status = "failed" if failures else "finished"
        except STOPPED as stop:
            raise stopped(stop, progress_of(plan.runs, plan.existing, studies)) from None
        finally:
            if studies:
                folder.write(_record(plan, commands, status, failures))
            folder.tidy([job.log for job in jobs])
    _close_records(plan, failures)
    trained = [job for job in jobs if job.path in outcomes and job not in results.found]
    counts = (len(trained), len(outcomes) - len(trained), *_shared_stages(trained))
    each = [_of_job(trials, outcomes) for trials in plan.trials]
    return SweepResults(each, failures, *counts, studies)


def _folder(plan: SweepPlan, runs_dir: Path) -> SweepDir:
    """Where the sweep is kept. Raises UserError where runs are missing and cannot be written."""
    if plan.missing:
        check_writable(runs_dir)
    folder = SweepDir.of(runs_dir, [arms[THIS].run_dir for arms in plan.every_arms])
    folder.forget(run.run_dir for _, run in plan.runs.values())
    return folder


def _carried_out(
    jobs: Sequence[Job], plan: SweepPlan, executor: Executor, watch: Watch
) -> JobResults:
    if not jobs:
        return JobResults()
    with ExitStack() as held:
        if jobs[0].plan.run.rerun:
            held.enter_context(_alone(jobs[0].plan.run_dir.runs_dir))
        watcher = held.enter_context(watch(len(plan.runs), len(plan.existing)))
        return executor.run(jobs, watcher)


def _alone(runs_dir: Path) -> AbstractContextManager[None]:
    """Hold `runs_dir` for a sweep that makes finished runs anew.

    Two that do would each take away what the other has made and is about to read. Raises RunBusy
    where there is another.
    """

    def busy(who: str) -> None:
        doing = f"{who} is making runs anew there, with rerun=true"
        raise RunBusy(f"{runs_dir}: {doing}; wait for it, or stop it")

    return locked(runs_dir / ".locks" / "rerun.lock", busy)


def _declared(
    plan: SweepPlan, commands: Sequence[Sequence[str]], asked: Asked | None, screen: Screen
) -> list[StudyPlan]:
    """The studies of a sweep; none where nothing is `asked`.

    Raises UserError where a run of a study tests on a part of its labels.
    """
    if asked is None:
        return []
    if any(getattr(arms[THIS].run.dataset, "holdout_fold", None) for arms in plan.every_arms):
        hint = "tl-run deliver trains every part; a single run may hold one out"
        found = "a sweep, whose report compares test sets"
        raise UserError(Mistake("dataset.holdout_fold", "a run alone", found, hint))
    return declared_studies(plan, commands, asked, screen)


def _failures(
    jobs: Sequence[Job], results: JobResults, outcomes: dict[Path, Outcome], folder: SweepDir
) -> list[Failure]:
    """The jobs that failed, each told in its log; the others' outcomes are put into `outcomes`."""
    failures = []
    for job in jobs:
        outcome = _outcome(job, results)
        if isinstance(outcome, Failure):
            failures.append(outcome)
            folder.add(outcome.log, outcome.reason)
        else:
            outcomes[job.path] = outcome
    return failures


def _outcome(job: Job, results: JobResults) -> Outcome | Failure:
    """What became of a run, read from its folder.

    A run that finished counts even where the server that would have said so is dead; one that
    another sweep has begun anew since (rerun=true) does not.
    """
    run_dir = job.plan.run_dir
    if job in results.failed:
        return Failure(job.path, results.failed[job], job.log)
    record = run_dir.record() or {}
    if job in results.unknown and record.get("status") != "finished":
        return Failure(job.path, str(record.get("reason") or results.unknown[job]), job.log)
    try:
        return read_outcome(run_dir, job.name, found=False)
    except (OSError, ValueError) as error:
        why = f"finished, but its files cannot be read now ({type(error).__name__}: {error})"
        return Failure(job.path, why, job.log)


def _of_job(trials: Sequence[Arms], outcomes: Mapping[Path, Outcome]) -> list[Outcome]:
    """Those of a job, trial by trial; none where a trial has none, for then none is chosen."""
    each = [_outcomes_of(arms, outcomes) for arms in trials]
    return [outcome for of_trial in each for outcome in of_trial] if all(each) else []


def _outcomes_of(arms: Arms, outcomes: Mapping[Path, Outcome]) -> list[Outcome]:
    """Those of a job's run and controls, under the names the job has for them.

    outcomes: of every run that has one, by folder. None where the job's own run has none.
    """
    if arms[THIS].run_dir.path not in outcomes:
        return []
    named: list[Outcome] = []
    for name, plan in arms.items():
        outcome = outcomes.get(plan.run_dir.path)
        if outcome is not None:
            named.append(replace(outcome, name=name))
    return named


def _shared_stages(jobs: Sequence[Job]) -> tuple[int, int]:
    """How many of the stages that runs share were trained in `jobs`, and how many loaded."""
    trained, loaded = 0, 0
    for job in jobs:
        for stage in (job.plan.run_dir.record() or {}).get("stages", ()):
            if stage["key"] and stage["found"]:
                loaded += 1
            elif stage["key"]:
                trained += 1
    return trained, loaded


def _close_records(plan: SweepPlan, failures: Sequence[Failure]) -> None:
    """Close the records of runs whose processes could not do it themselves."""
    for failure in failures:
        _, lost = plan.runs[failure.path]
        run_dir = lost.run_dir
        with suppress(RunBusy, OSError), run_dir.locked(wait=False, note=lambda _: None):
            if (run_dir.record() or {}).get("status") == "running":
                run_dir.close("failed", {"reason": failure.reason})


def _record(
    plan: SweepPlan, commands: Sequence[Sequence[str]], status: str, failures: Sequence[Failure]
) -> dict[str, object]:
    """What sweep.json says."""
    jobs: list[dict[str, object]] = []
    for sets, trials in zip(commands, plan.trials, strict=True):
        for arms in trials:
            runs = {name: f"{p.run_dir.group}/{p.run_dir.name}" for name, p in arms.items()}
            rate = [f"optimizer.lr={arms[THIS].run.optimizer.lr:g}"] if len(trials) > 1 else []
            jobs.append({"sets": [*sets, *rate], "runs": runs})
    failed = {str(failure.path): failure.reason for failure in failures}
    return {"status": status, "runs": len(plan.runs), "failed": failed, "jobs": jobs}
