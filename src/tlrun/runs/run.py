"""One run: loaded where it is finished, trained stage by stage and evaluated where it is not."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Literal

from tlrun.config.build import Run
from tlrun.core.errors import STOPPED, UserError
from tlrun.core.notes import DataLoaded, ReadingData, RunAnew
from tlrun.core.seeding import exactly
from tlrun.core.signals import raised
from tlrun.data.base import Dataset
from tlrun.runs.attempts import earlier_attempt
from tlrun.runs.outcome import Outcome, read_outcome
from tlrun.runs.plan import THIS, Plan, plan_with_controls
from tlrun.runs.pretrained import check_backbone
from tlrun.runs.remembered import ProblemCache, check_unchanged
from tlrun.runs.run_record import begin, close_failed, close_stopped, finished
from tlrun.runs.screen import Once, Screen
from tlrun.store.digests import OWN
from tlrun.store.fingerprint import differences
from tlrun.store.finished import finish

# What became of a run that is not finished, by what run.json says; nobody holds its lock.
ATTEMPTS: dict[str, Literal["stopped", "interrupted", "failed", "unreadable"]] = {
    "running": "stopped",
    "interrupted": "interrupted",
    "failed": "failed",
}
LARGE = 20e6  # bytes of a file, from which on reading it takes a second or more


def run_with_controls(run: Run, screen: Screen) -> list[Outcome]:
    """Carry out the run asked for, then, unless `controls` is false, each of its controls.

    The outcomes come in that order. Raises UserError for what cannot work, RunBusy where another
    process has the run, RunFailed where training fails.
    """
    problems = ProblemCache(lambda dataset: _say_reading(dataset, screen))
    plans = plan_with_controls(run, problems, Once(screen))  # all, before any starts
    problems.remember()
    screen.note(DataLoaded(report=problems.planned(run).report))
    outcomes: list[Outcome] = []
    for name, plan in plans.items():
        outcomes.append(perform(plan, name, problems, screen, wait=name != THIS))
    return outcomes


def _say_reading(dataset: Dataset, screen: Screen) -> None:
    """Tell that large files are about to be read, which takes longer than a user waits in silence.

    A data set that does not say which files it reads, or cannot, says nothing here either.
    """
    try:
        files = dataset.files()  # type: ignore[attr-defined]  # or it has none
        sizes = {file: file.stat().st_size for file in files}
    except Exception:  # noqa: BLE001  # a stranger's, and reading tells better what is wrong
        return
    large = {file: size for file, size in sizes.items() if size >= LARGE}
    if large:  # of many, what they have in common
        place = Path(os.path.commonpath(large))
        screen.note(ReadingData(path=place, megabytes=sum(large.values()) / 1e6))


def perform(
    plan: Plan, name: str, problems: ProblemCache, screen: Screen, wait: bool = False
) -> Outcome:
    """The outcome of a plan: loaded where it is finished, trained where it is not.

    name: THIS, or that of a control. wait: for another process that has the run; otherwise raises
    RunBusy. Raises RunFailed where training fails.
    """
    with plan.run_dir.locked(wait=wait, note=screen.note):
        existing = None if plan.run.rerun else find_finished(plan, name, screen)
        if existing is not None:
            plan.run_dir.drop_checkpoints()  # a process may have been killed before it could
            return existing
        train(plan, name, problems, screen)
        return read_outcome(plan.run_dir, name, found=False)


def find_finished(plan: Plan, name: str, screen: Screen) -> Outcome | None:
    """The finished run of a plan, or None; a note says why one that is there does not count.

    name: what the outcome is called.
    """
    run_dir = plan.run_dir
    if not run_dir.path.exists():
        return None
    record = run_dir.record() or {}
    if record.get("status") != "finished" or "seconds" not in record:
        why = ATTEMPTS.get(str(record.get("status")), "unreadable")
        if not _is_refused(plan):
            screen.note(RunAnew(path=run_dir.path, why=why, details=""))
        return None
    differs = differences(record.get("fingerprint", {}), plan.fingerprint)
    if differs and plan.run.reuse == "same":
        screen.note(RunAnew(path=run_dir.path, why="outdated", details=differs))
        return None
    if not differs and OWN not in record:  # these sources would have written it
        details = "run.json is damaged: it lacks its own digest"
        screen.note(RunAnew(path=run_dir.path, why="damaged", details=details))
        return None
    try:
        outcome = read_outcome(run_dir, name, differs=differs, record=record)
        run_dir.prove(record)
    except OSError as error:
        details = f"{Path(error.filename or run_dir.path).name}: {error.strerror}"
        screen.note(RunAnew(path=run_dir.path, why="damaged", details=details))
    except ValueError as error:
        screen.note(RunAnew(path=run_dir.path, why="damaged", details=str(error)))
    else:
        return outcome
    return None


def _is_refused(plan: Plan) -> bool:
    """Whether the run may not go on from its earlier attempt, as `train` is about to say."""
    try:
        earlier_attempt(plan)
    except UserError:
        return True
    return False


@raised()
def train(plan: Plan, name: str, problems: ProblemCache, screen: Screen) -> None:
    """Train the run of a plan into its folder, whatever stood there before.

    name: what the screen calls it. Raises UserError where its backbone or weights do not fit,
    before anything is written, RunFailed where it fails, KeyboardInterrupt or Terminated where it
    is stopped; run.json says so too.
    """
    from tlrun.runs.learn import learn

    attempt = earlier_attempt(plan)
    problem = problems.load(plan.run.dataset, plan.run.seed)
    check_unchanged(plan.run, plan.data, problem)
    check_backbone(plan, problem)  # while nothing is written
    started = time.monotonic()
    try:
        begin(plan, problem, "loop", attempt)
        with exactly(plan.run.threads):
            done = learn(plan, name, problem, screen, attempt)
        finish([finished(plan, problem, done, time.monotonic() - started)])
    except STOPPED as stop:
        close_stopped(plan, stop, started)
        raise
    except BaseException as error:  # SystemExit too: a run has no business ending more than itself
        raise close_failed(plan, error, started) from error
