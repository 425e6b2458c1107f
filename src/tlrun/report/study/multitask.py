"""Gains task by task, Δm, and what was learnt about tasks: relations, who teaches whom."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

import numpy as np

from tlrun.core.task import TaskKey, short_names
from tlrun.report.answer import Figure, Matrix, TaskRow, TaskTable
from tlrun.report.relations import DISAGREEMENT
from tlrun.report.statistics.fieller import TaskScores, relative_gain
from tlrun.report.study.arms import Series
from tlrun.report.study.evidence import Evidence
from tlrun.report.task_gains import ALONE, gains_of
from tlrun.runs.outcome import Outcome

LEVEL = 0.95
NOTE = (
    "Gain over single_task, the same task learnt alone on the same seeds; 95 % intervals over "
    "seeds and test examples, one task at a time. Δm: the mean over tasks of the relative gain, in "
    "% (Maninis et al., CVPR 2019), of mean scores, with its 95 % interval over seeds (Fieller); – "
    "unless every task's own score is ten standard errors above 0, and for tasks of several "
    "metrics."
)


def task_tables(series: Sequence[Series], evidence: Evidence) -> list[TaskTable]:
    """The gains of arms over learning each task alone, a table for all arms of the same tasks."""
    tables: dict[tuple[TaskKey, ...], list[TaskRow]] = {}
    for one in series:
        alone = alone_of(one)
        keys = tuple(TaskKey.parse(name) for name in one.first.result["headline"].get("tasks", ()))
        if alone is not None and len(keys) > 1:
            tables.setdefault(keys, []).append(_row(one, alone, keys, evidence))
    return [
        TaskTable(tuple(short_names(keys).values()), tuple(rows), NOTE)
        for keys, rows in tables.items()
    ]


def alone_of(one: Series) -> Mapping[int, Outcome] | None:
    """The control of an arm in which each task is learnt alone, by seed; None where there is none.

    Where the arm's whole budget is more than that of a stage, it is the control of that budget.
    """
    return one.controls.get(f"{ALONE}, total budget", one.controls.get(ALONE))


def _row(
    one: Series, alone: Mapping[int, Outcome], keys: Sequence[TaskKey], evidence: Evidence
) -> TaskRow:
    gains = []
    for key in keys:
        found = evidence.gain(one.runs, alone, key)
        gains.append(Figure("–") if found is None else found.figure(LEVEL, signed=True))
    return TaskRow(one.label, one.lam, _delta_m(one, alone, keys), tuple(gains))


def _delta_m(one: Series, alone: Mapping[int, Outcome], keys: Sequence[TaskKey]) -> Figure:
    """Δm in %, over the seeds that both have."""
    seeds = [seed for seed in one.runs if seed in alone]
    tasks = []
    for key in keys:
        metric = one.first.result["headline"]["tasks"][str(key)]
        scores = []
        for runs in (one.runs, alone):
            of_seeds = [
                runs[s].result["metrics"]["test"].get(str(key), {}).get(metric) for s in seeds
            ]
            scores.append(np.array([np.nan if v is None else v for v in of_seeds]))
        tasks.append(TaskScores(metric, scores[0], scores[1]))
    found = relative_gain(tasks, LEVEL) if seeds else None
    if found is None:
        return Figure("–", n=len(seeds))
    low, mean, high = (100 * value for value in (found.low, found.mean, found.high))
    text = f"{mean:+.1f} ({low:+.1f} to {high:+.1f})"
    return Figure(text, found.mean, found.low, found.high, len(seeds), LEVEL)


def matrices(series: Sequence[Series]) -> Iterator[Matrix]:
    """What the runs of each arm have learnt of their tasks, as the mean over seeds."""
    for one in series:
        learnt = [run.result["relation"] for run in one.runs.values() if "relation" in run.result]
        if not learnt or len(learnt) < len(one.runs):
            continue
        first = learnt[0]
        name = one.label if one.lam == "–" else f"{one.label}, λ={one.lam}"
        over = "one seed" if len(learnt) == 1 else f"mean of {len(learnt)} seeds"
        mean = np.mean([each["matrix"] for each in learnt], axis=0)
        yield Matrix(
            title=f"{name}: {first['name']}, {first['meaning']}, {over}",
            names=tuple(first["tasks"]),
            entries=tuple(tuple(float(value) for value in row) for row in mean),
        )


def heads_apart(series: Sequence[Series]) -> Iterator[tuple[str, str]]:
    """Of each arm that has measured it, how often its tasks' heads answer differently."""
    for one in series:
        shares = [
            run.result["disagreement"] for run in one.runs.values() if "disagreement" in run.result
        ]
        if shares:
            mean = f"{100 * fmean(shares):.1f} % {DISAGREEMENT}, mean of {len(shares)} seeds"
            name = one.label if one.lam == "–" else f"{one.label}, λ={one.lam}"
            yield f"heads apart, {name}", mean


def tasks_up(one: Series) -> str:
    """How many tasks gain over learning each alone: "2 of 3 tasks up"; empty without that control.

    A task's gain is the mean over seeds of its scores, whichever way they get better.
    """
    alone = alone_of(one) or {}
    pairs = [(run, alone[seed]) for seed, run in one.runs.items() if seed in alone]
    if not pairs:
        return ""
    by_task: dict[TaskKey, list[float]] = {}
    for run, single in pairs:
        for key, gain in gains_of(run, single).items():
            if gain is not None:
                by_task.setdefault(key, []).append(gain)
    return f"{sum(fmean(gains) > 0 for gains in by_task.values())} of {len(by_task)} tasks up"
