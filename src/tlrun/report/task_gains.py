"""The gains of single tasks, of one run over another, and what sums them up: Δm, tasks up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from tlrun.core.task import TaskKey
from tlrun.report.formatting import defined, gain_of
from tlrun.runs.outcome import Outcome

ALONE = "single_task"  # the control that each task's gain is measured against

Pair = tuple[Outcome, Outcome]  # a run, and the control in which each task is learnt alone
Scored = Mapping[TaskKey, tuple[str, float | None]]  # of each task: its metric, and a score of it


def task_scores(outcome: Outcome) -> Scored:
    """Of each task that the headline of a run is about: its metric, and its test score or None."""
    about: Mapping[str, str] = outcome.result["headline"].get("tasks", {})
    tested = outcome.result["metrics"]["test"] if about else {}
    scores = {}
    for name, metric in about.items():
        scores[TaskKey.parse(name)] = (metric, tested.get(name, {}).get(metric))
    return scores


def score_of(scores: Scored, key: TaskKey) -> float | None:
    """The score of a task; None where a run has none of it."""
    return scores[key][1] if key in scores else None


def alone(outcomes: Sequence[Outcome]) -> Outcome | None:
    """The control in which every task is learnt alone; None where there is none.

    outcomes: a run, then its controls. Where the run's whole budget is more than that of a stage,
    it is the control of that budget.
    """
    named = {outcome.name: outcome for outcome in outcomes[1:]}
    return named.get(f"{ALONE}, total budget", named.get(ALONE))


def difference(one: Outcome, other: Outcome) -> float | None:
    """By how much the test score of `one` is better than that of `other`.

    None where either is undefined.
    """
    mine, theirs = one.result["headline"], other.result["headline"]
    return gain_of(mine["name"], mine["test"], theirs["test"])


def gains_of(run: Outcome, single: Outcome) -> dict[TaskKey, float | None]:
    """The gain of every task of `run` over `single`; None where a score is undefined."""
    base_scores = task_scores(single)
    gains: dict[TaskKey, float | None] = {}
    for key, (metric, score) in task_scores(run).items():
        gains[key] = gain_of(metric, score, score_of(base_scores, key))
    return gains


def gains_by_task(
    keys: Sequence[TaskKey], pairs: Sequence[Pair]
) -> dict[TaskKey, list[float | None]]:
    """Of every task its gains, one a seed."""
    by_task: dict[TaskKey, list[float | None]] = {key: [] for key in keys}
    for run, single in pairs:
        gains = gains_of(run, single)
        for key in keys:
            by_task[key].append(gains[key])
    return by_task


def tasks_up(pairs: Sequence[Pair]) -> str:
    """How many tasks gain, of runs whose tasks have no mean score: "2 of 3 tasks up".

    pairs: one a seed, of a run and what it is compared with; a task's gain is the mean over seeds.
    """
    up = compared = 0
    for gains in gains_by_task(tuple(task_scores(pairs[0][0])), pairs).values():
        known = defined(gains)
        if known and len(known) == len(gains):
            compared += 1
            up += fmean(known) > 0
    return f"{up} of {compared} tasks up" if compared else "–"


def delta_m(run: Outcome, single: Outcome) -> float | None:
    """The mean relative gain of a multi-task `run` over learning each task alone, in %.

        Δm = 100/T Σ_i g_i/S_i,   g_i = M_i - S_i, or S_i - M_i where lower is better

    over its T tasks; M_i is the score of task i in `run`, S_i in `single` (Maninis et al., CVPR
    2019). None where a score is undefined, where an S_i is not above 0, where the tasks are judged
    by different metrics, and without tasks.
    """
    scores, base_scores = task_scores(run), task_scores(single)
    if len({metric for metric, _ in scores.values()}) > 1:
        return None
    shares = []
    for key, (metric, score) in scores.items():
        base = score_of(base_scores, key)
        gain = gain_of(metric, score, base)
        if gain is None or base is None or base <= 0:
            return None
        shares.append(gain / base)
    return 100 * fmean(shares) if shares else None
