"""The tasks of multi-task runs, one by one: scores, gains over learning each alone, and Δm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.core.task import TaskKey, short_names
from tlrun.report.formatting import number, unit_of, with_unit
from tlrun.report.relations import MANY, plain_text, relations
from tlrun.report.task_gains import (
    ALONE,
    Scored,
    alone,
    delta_m,
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
