"""The tasks of multi-task runs, one by one: scores, gains over learning each alone, and Δm."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from statistics import fmean

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.core.task import TaskKey, short_names
from tlrun.report.formatting import PERCENT, defined, interval, number, unit_of, with_unit
from tlrun.report.relations import DISAGREEMENT, MANY, Seeds, mean_relations, plain_text, relations
from tlrun.report.statistics import paired_interval
from tlrun.report.task_gains import (
    ALONE,
    Pair,
    Scored,
    alone,
    delta_m,
    gains_by_task,
    gains_of,
    score_of,
    task_scores,
)
from tlrun.runs.outcome import Outcome

LEGEND = (
    "single_task: at the budget of the run. Δm: the mean over tasks of the gain over single_task "
    "relative to single_task's own score, in %, above 0 better (Maninis et al., CVPR 2019); – "
    "where such a score is not above 0, and for tasks of different metrics."
)

Compared = Sequence[tuple[str, Sequence[Pair]]]  # each setting: its label, and a pair a seed


def run_tasks(outcomes: Sequence[Outcome]) -> Iterator[RenderableType]:
    """The tasks of one run: scores, gains over learning each alone, Δm, and what it has learnt.

    outcomes: the run, then its controls. Of one task, only what the run has learnt is shown.
    """
    this, single = outcomes[0], alone(outcomes)
    scores = {outcome.name: task_scores(outcome) for outcome in outcomes}
    tasks = scores[this.name]
    if len(tasks) > 1:
        yield Text("")
        if len(tasks) <= MANY:
            yield _run_rows(outcomes, scores, single)
        elif single is not None:
            yield Text(_counted(tasks, gains_of(this, single)))
        if single is not None:
            value = delta_m(this, single)
            shown = "–" if value is None else f"{value:+.1f} %"
            yield Text(f"Δm of {this.strategy}: {shown}. {LEGEND}")
    yield from relations(this.result)


def _run_rows(
    outcomes: Sequence[Outcome], scores: Mapping[str, Scored], single: Outcome | None
) -> Table:
    """A row a task. scores: of every outcome, by name; single: as `alone` gives it."""
    this = outcomes[0]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("task")
    table.add_column("metric")
    for outcome in outcomes:
        head = this.strategy if outcome is this else outcome.name
        table.add_column(plain_text(head), justify="right", overflow="fold")
    gains: Mapping[TaskKey, float | None] = {}
    if single is not None:
        gains = gains_of(this, single)
        table.add_column(f"gain over {ALONE}", justify="right")
    for key, short in short_names(scores[this.name]).items():
        metric, _ = scores[this.name][key]
        cells = [number(metric, score_of(scores[outcome.name], key)) for outcome in outcomes]
        if single is not None:
            cells.append(number(metric, gains[key], signed=True))
        table.add_row(plain_text(short), with_unit(metric), *cells)
    return table


def sweep_tasks(settings: Sequence[tuple[str, Seeds]]) -> Iterator[RenderableType]:
    """The tasks of the settings of a sweep: Δm, and the gain over learning each task alone.

    Every figure is a mean over seeds ± the half-width of its 95 % t interval. Settings of other
    tasks, as of another data set, stand in a table of their own.
    """
    tables: dict[tuple[TaskKey, ...], list[tuple[str, Sequence[Pair]]]] = {}
    for label, seeds in settings:
        pairs = _pairs(seeds)
        if pairs:
            keys = tuple(task_scores(pairs[0][0]))
            if len(keys) > 1:
                tables.setdefault(keys, []).append((label, pairs))
    for keys, compared in tables.items():
        yield Text("")
        metrics = {metric for _, pairs in compared for metric, _ in _scored(pairs)}
        points = ", ".join(sorted(name for name in metrics if unit_of(name) == PERCENT))
        shown = f" ({points} in points)" if points else ""
        yield Text(f"Gain over {ALONE}, task by task{shown}:")
        yield _sweep_rows(keys, compared)
    if tables:
        legend = LEGEND
        if any(map(_measured_apart, tables.values())):
            legend += f" heads apart: how many {DISAGREEMENT}."
        yield Text(legend)
    yield from mean_relations(settings)


def _scored(pairs: Sequence[Pair]) -> Collection[tuple[str, float | None]]:
    """Of each task of the first run: its metric, and its score."""
    return task_scores(pairs[0][0]).values()


def _pairs(seeds: Seeds) -> list[Pair]:
    """Of each seed that has both: the run, and its control in which each task is learnt alone."""
    pairs = []
    for outcomes in seeds:
        single = alone(outcomes)
        if single is not None:
            pairs.append((outcomes[0], single))
    return pairs


def _sweep_rows(keys: Sequence[TaskKey], compared: Compared) -> Table:
    """A row a setting; all are about the tasks `keys`."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    listed = len(keys) <= MANY
    apart = _measured_apart(compared)
    table.add_column("setting")
    table.add_column("λ", justify="right")
    table.add_column("Δm %", justify="right")
    if apart:
        table.add_column("heads apart %", justify="right")
    if listed:
        for name in short_names(keys).values():
            table.add_column(plain_text(name), justify="right")
    else:
        table.add_column("tasks")
    first = compared[0][1][0][0]
    metrics = {key: metric for key, (metric, _) in task_scores(first).items()}
    for label, pairs in compared:
        relative = [delta_m(run, single) for run, single in pairs]
        cells = [interval("", relative, signed=True, digits=1)]
        if apart:
            shares = [run.result.get("disagreement") for run, _ in pairs]
            cells.append(interval("", shares, unit="%"))
        gains = gains_by_task(keys, pairs)
        if listed:
            cells += [interval(metrics[key], gains[key], signed=True) for key in keys]
        else:
            cells.append(_counted_over_seeds(gains))
        table.add_row(plain_text(label), pairs[0][0].lam_label or "–", *cells)
    return table


def _measured_apart(compared: Compared) -> bool:
    """Whether any run has measured how often its heads disagree."""
    return any("disagreement" in run.result for _, pairs in compared for run, _ in pairs)


def _counted(tasks: Scored, gains: Mapping[TaskKey, float | None]) -> str:
    """Many tasks of one run in a line: how many gain and, in one unit, their mean and ends."""
    known = {key: gain for key, gain in gains.items() if gain is not None}
    if not known:
        return f"over {ALONE}: {len(gains)} tasks, none with a score to compare"
    counted = f"over {ALONE}: {sum(gain > 0 for gain in known.values())} of {len(known)} tasks up"
    units = {
        (metric, key.task if unit_of(metric) == "label's" else "")
        for key, (metric, _) in tasks.items()
    }
    if len(units) > 1:
        return counted
    names = short_names(known)
    ordered = sorted(known, key=known.__getitem__)
    first, last = ordered[0], ordered[-1]
    return printable(
        f"{counted}, mean {fmean(known.values()):+.3f}, "
        f"from {names[first]} {known[first]:+.3f}, {names[last]} {known[last]:+.3f}"
    )


def _counted_over_seeds(by_task: Mapping[TaskKey, Sequence[float | None]]) -> str:
    """Many tasks over seeds: of how many the interval of the gain lies above 0, and below."""
    intervals = []
    for gains in by_task.values():
        known = defined(gains)
        if len(known) > 1:
            intervals.append(paired_interval(known))
    if not intervals:
        return f"{len(by_task)} tasks, no interval of one seed"
    above = sum(mean - half > 0 for mean, half in intervals)
    below = sum(mean + half < 0 for mean, half in intervals)
    within = len(intervals) - above - below
    counts = f"{above} of {len(by_task)} up, {below} down, {within} within their intervals"
    unknown = len(by_task) - len(intervals)
    if unknown:
        counts += f", {unknown} without a score"
    return counts
