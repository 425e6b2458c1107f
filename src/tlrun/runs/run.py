"""One run: loaded where it is finished, trained stage by stage and evaluated where it is not."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from tlrun.config.build import Run
from tlrun.core.errors import RunFailed, Terminated, TlrunError
from tlrun.core.notes import DataLoaded, ReadingData, RunAnew
from tlrun.core.options import as_plain
from tlrun.core.problem import Problem
from tlrun.core.seeding import exactly
from tlrun.data.base import Dataset
from tlrun.runs.identity import deciding, digest_of
from tlrun.runs.outcome import Outcome, read_outcome
from tlrun.runs.plan import THIS, Plan, plan_with_controls
from tlrun.runs.pretrained import check_backbone
from tlrun.runs.remembered import ProblemCache, check_unchanged
from tlrun.runs.screen import Once, Screen
from tlrun.store.fingerprint import differences

if TYPE_CHECKING:
    from torch import Tensor


LARGE = 20e6  # bytes of a file, from which on reading it takes a second or more
STOPPED = (KeyboardInterrupt, Terminated)


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
    status = record.get("status")
    if status != "finished" or "seconds" not in record:
        match status:
            case "interrupted" | "failed":
                screen.note(RunAnew(path=run_dir.path, why=status, details=""))
            case "running":  # while nobody holds the lock: the process is gone
                screen.note(RunAnew(path=run_dir.path, why="stopped", details=""))
            case _:
                screen.note(RunAnew(path=run_dir.path, why="unreadable", details=""))
        return None
    differs = differences(record.get("fingerprint", {}), plan.fingerprint)
    if differs and plan.run.reuse == "same":
        screen.note(RunAnew(path=run_dir.path, why="outdated", details=differs))
        return None
    try:
        return read_outcome(run_dir, name, differs=differs, record=record)
    except OSError as error:
        details = f"{Path(error.filename).name}: {error.strerror}"
        screen.note(RunAnew(path=run_dir.path, why="damaged", details=details))
    except ValueError as error:
        screen.note(RunAnew(path=run_dir.path, why="damaged", details=str(error)))
    return None


def train(plan: Plan, name: str, problems: ProblemCache, screen: Screen) -> None:
    """Train the run of a plan into its folder, whatever stood there before.

    name: what the screen calls it. Raises UserError where its backbone or weights do not fit,
    before anything is written, RunFailed where it fails, KeyboardInterrupt or Terminated where it
    is stopped; run.json says so too.
    """
    from tlrun.runs.learn import learn

    run_dir, problem = plan.run_dir, problems.load(plan.run.dataset, plan.run.seed)
    check_unchanged(plan.run, plan.data, problem)
    check_backbone(plan, problem)  # while nothing is written
    started = time.monotonic()
    try:
        config = yaml.safe_dump(as_plain(deciding(plan.run)), sort_keys=False, allow_unicode=True)
        facts = {"fingerprint": plan.fingerprint, "data": problem.digest, **plan.facts}
        run_dir.begin(config, facts)
        run_dir.keep_json("data.json", problem.report)
        if how_read := problem.preprocessing or _units(problem):
            run_dir.keep_json("preprocessing.json", how_read)
        with exactly(plan.run.threads):
            done = learn(plan, name, problem, screen)
        # What the run would have cost alone: a loaded stage counts what its training took.
        spared = sum(stage.seconds for stage in done.stages if stage.found)
        record = {
            "seconds": time.monotonic() - started + spared,
            "stages": [stage.record for stage in done.stages],
            "test_opened": max(part.test.opened for part in problem.parts),
            "test_examples": _tested_rows(done.predictions),
        }
        run_dir.finish(done.result, done.weights, done.predictions, record)
    except STOPPED as stop:
        signal = "SIGINT" if isinstance(stop, KeyboardInterrupt) else "SIGTERM"
        run_dir.close("interrupted", {"reason": signal, "seconds": time.monotonic() - started})
        raise
    except BaseException as error:  # SystemExit too: a run has no business ending more than itself
        reason = _reason(error)
        details = ""
        with suppress(OSError):  # a full disk may be why; the reason still reaches the screen
            run_dir.close("failed", {"reason": reason, "seconds": time.monotonic() - started})
            if not isinstance(error, TlrunError):  # which says all there is to say
                run_dir.keep("traceback.txt", traceback.format_exc())
                details = " (details in traceback.txt there)"
        raise RunFailed(f"{reason}{details}", run_dir.path) from error


def _units(problem: Problem) -> dict[str, Any]:
    """Where tasks of numbers are centred and by what divided, of inputs used as they are.

    In folds, of each; empty where no task is of numbers.
    """
    of_parts = []
    for part in problem.parts:
        numbers = [task for task in part.tasks.values() if task.kind == "regression"]
        of_parts.append([asdict(task) for task in numbers])
    if not any(of_parts):
        return {}
    kept = [{"tasks": tasks} for tasks in of_parts]
    return {"folds": kept} if problem.folds else kept[0]


def _tested_rows(predictions: Mapping[str, Tensor]) -> str:
    """A digest of which examples of the data set have tested: 12 hexadecimal digits."""
    rows: dict[str, list[int]] = {}
    for name, tensor in predictions.items():
        if name.endswith("/index"):
            rows[name] = tensor.tolist()
    return digest_of(rows)


def _reason(error: BaseException) -> str:
    """Why a run failed, in one line, with what to do where that is known."""
    if isinstance(error, TlrunError):
        return str(error)
    message = " ".join(f"{type(error).__name__}: {error}".split())
    signs = ("allocate memory", "OutOfMemory")  # torch raises a plain RuntimeError on the CPU
    if isinstance(error, MemoryError) or any(sign in message for sign in signs):
        return f"out of memory; try a smaller trainer.batch_size or sweep.jobs ({message})"
    return message
