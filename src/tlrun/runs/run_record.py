"""A run's folder from its first file to its last, whatever engine trains it."""

from __future__ import annotations

import signal
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml

from tlrun.core.errors import RunFailed, Terminated, TlrunError, of_machine, one_line
from tlrun.core.options import as_plain
from tlrun.core.problem import Problem
from tlrun.runs.attempts import NOTHING_BEFORE, Attempt
from tlrun.runs.identity import deciding, digest_of
from tlrun.runs.plan import Plan
from tlrun.store.finished import Finished

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.runs.learn import Learnt

# How the last stage was trained: by the loop, or with other runs as one product.
Engine = Literal["loop", "stacked"]
# Of libyaml where it is there: the same text several times as fast.
DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def begin(plan: Plan, problem: Problem, engine: Engine, attempt: Attempt = NOTHING_BEFORE) -> None:
    """Make the folder of a run, with all that is known of it before it is trained.

    attempt: the earlier one, from whose checkpoints it may go on.
    """
    run_dir = plan.run_dir
    config = yaml.dump(
        as_plain(deciding(plan.run)), Dumper=DUMPER, sort_keys=False, allow_unicode=True
    )
    facts = {
        "fingerprint": plan.fingerprint,
        "engine": engine,
        "data": problem.digest,
        "stage_keys": [[planned.key for planned in stages] for stages in plan.folds],
        **plan.facts,
    }
    if plan.run.rerun:
        facts["rerun"] = True
    if attempt.inexact:
        facts["inexact"] = attempt.inexact
    run_dir.begin(config, facts, goes_on=attempt.goes_on)
    run_dir.keep_json("data.json", problem.report)
    if how_read := problem.preprocessing or _units(problem):
        run_dir.keep_json("preprocessing.json", how_read)


def finished(plan: Plan, problem: Problem, done: Learnt, seconds: float) -> Finished:
    """What the folder of a run is closed with.

    problem: whose test set it has opened. seconds: that it took, without the stages it has loaded.
    """
    # What the run would have cost alone, and at once: of a stage that was loaded, or goes on from a
    # checkpoint, counts what its training took before.
    spared = sum(stage.earlier for stage in done.stages)
    record = {
        "seconds": seconds + spared,
        "stages": [stage.record for stage in done.stages],
        "test_opened": max(part.test.opened for part in problem.parts),
        "test_examples": _tested_rows(done.predictions),
        "diverged": done.diverged,
    }
    return Finished(plan.run_dir, done.result, done.weights, done.predictions, record)


def close_stopped(plan: Plan, stop: BaseException, started: float) -> None:
    """Write down that a signal has stopped a run, unless it is closed by now.

    started: on the monotonic clock.
    """
    if (plan.run_dir.record() or {}).get("status") != "running":
        return
    number = signal.SIGINT
    if isinstance(stop, Terminated):
        number = stop.args[0] if stop.args else signal.SIGTERM
    seconds = time.monotonic() - started
    reason = signal.Signals(number).name
    with suppress(OSError):  # of a disk that is full: it counts as stopped all the same
        plan.run_dir.close("interrupted", {"reason": reason, "seconds": seconds})


def close_failed(plan: Plan, error: BaseException, started: float) -> RunFailed:
    """Write down why a run has failed, and give what is raised for it.

    started: on the monotonic clock.
    """
    run_dir, reason, details = plan.run_dir, reason_of(error), ""
    with suppress(OSError):  # a full disk may be why; the reason still reaches the screen
        run_dir.close("failed", {"reason": reason, "seconds": time.monotonic() - started})
        if not isinstance(error, TlrunError):  # which says all there is to say
            text = "".join(traceback.format_exception(error))
            run_dir.keep("traceback.txt", text)
            details = " (details in traceback.txt there)"
    return RunFailed(f"{reason}{details}", run_dir.path)


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


def reason_of(error: BaseException, path: Path | None = None) -> str:
    """Why a run failed, in one line, with what to do where that is known.

    path: its folder, which stands before the reason; a mistake about it does not name it again.
    """
    if isinstance(error, RunFailed):
        return error.reason
    if isinstance(error, TlrunError):
        return str(error).removeprefix(f"{path}: ")
    return of_machine(error) or one_line(error)
