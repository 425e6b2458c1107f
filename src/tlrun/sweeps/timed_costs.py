"""What runs take of which none like them has finished: a few of their steps, timed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tlrun.core.problem import Problem
from tlrun.runs.plan import Plan
from tlrun.runs.remembered import ProblemCache
from tlrun.sweeps.costs import Kind, Past

if TYPE_CHECKING:
    from tlrun.runs.timing import TimedStage

BUDGET = 3.0  # seconds for which steps are timed, in all
AT_ONCE = 4  # kinds that what is left of them is divided among; the longest go first
SHORTEST = 0.2  # seconds in which a kind can be timed
LARGE = 50e6  # bytes of files, from which on reading them for that takes too long
FLOAT = 4  # bytes of a weight or an output
INDEX = 8  # bytes of a label, or of the number of an example


def add_timed(
    missing: Sequence[Plan],
    kinds: Mapping[Path, Kind],
    past: dict[Kind, Past],
    problems: ProblemCache,
) -> set[Kind]:
    """Time some steps of the kinds of which no run has finished, the longest first.

    missing: the runs, of whose `kinds`, by their folders, what is found is added to `past`. Returns
    the kinds that were timed. problems: has or reads the data; large ones are not read for it.
    """
    steps: dict[Kind, int] = {}
    first: dict[Kind, Plan] = {}
    for plan in missing:
        kind = kinds[plan.run_dir.path]
        if kind not in past and any(each.stage.domains for each in plan.stages):
            steps[kind] = steps.get(kind, 0) + sum(each.stage.steps for each in plan.stages)
            first.setdefault(kind, plan)
    if not steps or any(_large(first[kind]) for kind in steps):
        return set()
    import tlrun.runs.stages  # noqa: F401  # PyTorch, whose seconds are not those of a step
    from tlrun.runs.timing import timed_stages

    left, timed = BUDGET, set[Kind]()
    order = sorted(steps, key=lambda kind: -steps[kind])
    for number, kind in enumerate(order):
        if left < SHORTEST:
            break
        begun = time.monotonic()
        with suppress(Exception):  # what cannot be trained says so when it is
            plan = first[kind]
            stages = timed_stages(plan, problems, left / min(len(order) - number, AT_ONCE))
            if any(stages):
                timed.add(kind)
                past[kind] = _as_past(plan, stages, problems)
        left -= time.monotonic() - begun
    return timed


def _as_past(plan: Plan, stages: Sequence[TimedStage | None], problems: ProblemCache) -> Past:
    """What was timed, as that of a finished run."""
    past = Past()
    parameters = 0
    for planned, timed in zip(plan.stages, stages, strict=True):
        if timed is not None:
            past.rates[planned.stage.name].append(timed.seconds)
            parameters = timed.parameters
    if parameters:
        past.weights.append(FLOAT * parameters * len(plan.folds))
        predictions = predictions_size(problems.planned(plan.run))
        past.folders.append(past.weights[0] + predictions)
    return past


def predictions_size(problem: Problem) -> int:
    """Bytes of the predictions on its test examples: k outputs, a label and a number of each."""
    size = 0
    for row in problem.report.get("splits", []):
        if row["split"] == "test":
            for task in problem.domains[row["domain"]].tasks:
                if task.name == row["task"]:
                    size += row["labels"] * (FLOAT * task.outputs + 2 * INDEX)
    return size


def _large(plan: Plan) -> bool:
    """Whether reading the data of a run takes longer than timing may; also where nobody knows."""
    try:
        files = plan.run.dataset.files()  # type: ignore[attr-defined]  # or it has none
        return bool(sum(file.stat().st_size for file in files) > LARGE)
    except Exception:  # noqa: BLE001  # a stranger's; reading it may take any time
        return True
