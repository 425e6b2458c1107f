"""One sweep from its configs to its outcomes: plan the union, train what is missing, read what came
out.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from tlrun.config.registry import Config
from tlrun.core.errors import RunBusy
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS, Plan
from tlrun.runs.run import trained
from tlrun.runs.screen import Screen
from tlrun.store.sweepdir import SweepDir
from tlrun.sweeps.executors.base import JobResults, Watcher, Work
from tlrun.sweeps.executors.local import SERVER_DIED, run_all
from tlrun.sweeps.plan import Arms, Union, plan_sweep


@dataclass(frozen=True)
class Failure:
    """A run that failed, why, and the file its process printed to."""

    place: Path
    reason: str
    log: Path


@dataclass(frozen=True)
class Swept:
    """What became of a sweep. answers: per job the outcomes of its run and controls; empty where
    its run failed.
    """

    answers: list[list[Outcome]]
    failures: list[Failure]
    trained: int
    found: int
    # of the runs trained now: how many stages that runs share were found (True), and trained
    stages: Counter[bool]


# (runs in all, runs found) → who is told
Watch = Callable[[int, int], AbstractContextManager[Watcher]]


def launch(
    configs: Sequence[Config], commands: Sequence[Sequence[str]], screen: Screen, watch: Watch
) -> Swept:
    """Run a sweep. commands: what sets each job, for the record.

    Raises UserError, with nothing started, where any job cannot work.
    """
    union = plan_sweep(configs, screen)
    missing = union.missing
    runs_dir = Path(configs[0]["runs_dir"]).expanduser()
    folder = SweepDir.of(runs_dir, [arms[THIS].place for arms in union.arms])
    works = {
        path: Work(name, plan.config, path, folder.log(plan.place))
        for path, (name, plan) in missing.items()
    }
    folder.write(_record(union, commands, "running", []))
    status, failures = "interrupted", list[Failure]()
    try:
        results = JobResults({}, set())
        if works:
            with watch(len(union.runs), len(union.found)) as watcher:
                results = run_all(list(works.values()), _jobs(configs[0]), watcher)
        failures = [
            Failure(path, why, work.log)
            for path, work in works.items()
            if (why := _why_lost(missing[path][1], results.failed.get(work, "")))
        ]
        for failure in failures:
            folder.add(failure.log, failure.reason)
        status = "failed" if failures else "finished"
    finally:
        folder.write(_record(union, commands, status, failures))
        for work in works.values():
            _drop_if_empty(work.log)
        with suppress(OSError):
            folder.logs.rmdir()  # where no process had anything to say
    for failure in failures:
        _say_it_died(missing[failure.place][1], failure.reason)
    lost = {failure.place for failure in failures}
    answers = [_answer(arms_of, union, lost) for arms_of in union.arms]
    found = len(union.found) + len(results.found)
    stages = Counter(
        bool(stage["found"])
        for work in works.values()
        if work not in results.found and work.place not in lost
        for stage in (missing[work.place][1].place.record() or {}).get("stages", ())
        if stage["key"]
    )
    return Swept(answers, failures, len(union.runs) - len(failures) - found, found, stages)


def _jobs(config: Config) -> int:
    """Processes at a time: as many as asked for, or as the cores hold at `threads` threads each."""
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    asked: int | None = config["sweep"]["jobs"]
    return asked or max(1, cores // int(config["threads"]))


def _answer(arms: Arms, union: Union, lost: set[Path]) -> list[Outcome]:
    if arms[THIS].place.path in lost:
        return []
    return [
        replace(union.found[path], name=name)
        if (path := plan.place.path) in union.found
        else trained(plan, name)
        for name, plan in arms.items()
        if plan.place.path not in lost
    ]


def _why_lost(plan: Plan, told: str) -> str:
    """Why a run has no outcome; empty where it has one. told: why its process failed, empty where
    it did not.

    A run that finished counts even where the server that would have said so is dead; one that
    another sweep has begun anew since (rerun=true) does not.
    """
    finished = (plan.place.record() or {}).get("status") == "finished"
    if told and not (told == SERVER_DIED and finished):
        return told
    try:
        trained(plan, THIS)
    except (OSError, ValueError, KeyError) as error:
        return f"finished, but its files cannot be read now ({type(error).__name__}: {error})"
    return ""


def _say_it_died(plan: Plan, reason: str) -> None:
    """Close the record of a run whose process could not do it itself."""
    with suppress(RunBusy, OSError), plan.place.locked(wait=False, note=lambda _: None):
        if (plan.place.record() or {}).get("status") == "running":
            plan.place.close("failed", {"reason": reason})


def _record(
    union: Union, commands: Sequence[Sequence[str]], status: str, failures: Sequence[Failure]
) -> dict[str, object]:
    jobs = [
        {
            "sets": list(sets),
            "runs": {name: f"{p.place.group}/{p.place.name}" for name, p in arms.items()},
        }
        for sets, arms in zip(commands, union.arms, strict=True)
    ]
    return {
        "status": status,
        "runs": len(union.runs),
        "failed": {str(f.place): f.reason for f in failures},
        "jobs": jobs,
    }


def _drop_if_empty(log: Path) -> None:
    with suppress(OSError):
        if log.stat().st_size == 0:
            log.unlink()
