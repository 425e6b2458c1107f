"""The tasks of multi-task runs, one by one: scores, gains over learning each alone, and Δm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.core.metrics import metric_of
from tlrun.core.task import TaskKey, short_names
from tlrun.report.formatting import number, unit_of, with_unit
from tlrun.report.relations import MANY, plain_text, relations
from tlrun.report.render.room import fits
from tlrun.report.run_answer import called
from tlrun.report.task_gains import (
    Scored,
    alone,
    delta_m,
    gains_of,
    score_of,
    task_scores,
)
from tlrun.runs.outcome import Outcome

BEST = "*"
LEGEND = (
    "single_task: at the budget of the run. Δm: the mean over tasks of the gain over single_task "
    "relative to single_task's own score, in %, above 0 better (Maninis et al., CVPR 2019); – "
    "where such a score is not above 0, and for tasks of different metrics."
)
SHORT = "Δm: the mean gain relative to single_task's own score."


def run_tasks(
    outcomes: Sequence[Outcome], width: int, wide: bool = False
) -> Iterator[RenderableType]:
    """The tasks of one run and its controls: scores, gains over each alone, Δm, what it has learnt.

    outcomes: the run, then its controls. width: columns of the terminal. wide: what Δm is, in full.
    Of one task, only what the run has learnt is shown.
    """
    single = alone(outcomes)
    tasks = task_scores(outcomes[0])
    if len(tasks) > 1:
        yield Text("")
        if len(tasks) <= MANY:
            yield from _listed(outcomes, single, width)
        elif single is not None:
            yield from _counted(outcomes, single)
        if single is not None:
            yield Text(LEGEND if wide else SHORT)
    yield from relations(outcomes[0].result)


def _listed(
    outcomes: Sequence[Outcome], single: Outcome | None, width: int
) -> Iterator[RenderableType]:
    """A row a task, a column a run; where these do not fit, a row a task of a run."""
    metrics = {with_unit(metric) for metric, _ in task_scores(outcomes[0]).values()}
    of = f" in {next(iter(metrics))}" if len(metrics) == 1 else ""
    gain = "" if single is None else f", and the gain over {single.name}"
    best = f"; {BEST} the best of a task" if len(outcomes) > 1 else ""
    yield plain_text(f"Task by task: score{of}{gain}{best}.")
    for table in (_across(outcomes, single), _across(outcomes, None)):
        if fits(table, width):
            yield table
            return
    yield _down(outcomes, single)


def _across(outcomes: Sequence[Outcome], single: Outcome | None) -> Table:
    """A row a task, a column a run. single: as `alone` gives it; None: without gains."""
    first = task_scores(outcomes[0])
    mixed = len({metric for metric, _ in first.values()}) > 1
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("task", overflow="fold")
    if mixed:
        table.add_column("metric", no_wrap=True)
    for outcome in outcomes:
        head = printable(called(outcome)).replace("_", "_\n").replace(", ", ",\n")
        style = "bold" if outcome is outcomes[0] else ""
        table.add_column(Text(head), justify="right", no_wrap=True, style=style)
    for key, short in short_names(first).items():
        cells = [_cell(key, outcome, outcomes, single) for outcome in outcomes]
        metric = [with_unit(first[key][0])] if mixed else []
        table.add_row(plain_text(short), *metric, *cells)
    if single is not None:
        cells = [Text(_relative(outcome, single)) for outcome in outcomes]
        table.add_row("Δm %", *([""] if mixed else []), *cells)
    return table


def _down(outcomes: Sequence[Outcome], single: Outcome | None) -> Table:
    """A row for each task and run."""
    first = task_scores(outcomes[0])
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("task", overflow="fold")
    table.add_column("run", overflow="fold")
    table.add_column("score", justify="right", no_wrap=True)
    for key, short in short_names(first).items():
        for outcome in outcomes:
            task = f"{short} ({with_unit(first[key][0])})" if outcome is outcomes[0] else ""
            cell = _cell(key, outcome, outcomes, single)
            table.add_row(plain_text(task), plain_text(called(outcome)), cell)
    if single is not None:
        for outcome in outcomes:
            name = "Δm %" if outcome is outcomes[0] else ""
            table.add_row(name, plain_text(called(outcome)), _relative(outcome, single))
    return table


def _cell(
    key: TaskKey, outcome: Outcome, outcomes: Sequence[Outcome], single: Outcome | None
) -> Text:
    """The score of a task, its gain over learning it alone, and whether no other run is better."""
    scores = task_scores(outcome)
    metric, _ = task_scores(outcomes[0])[key]
    score = score_of(scores, key)
    text = Text().append(BEST if key in _best(outcome, outcomes) else "", style="bold")
    text.append(number(metric, score))
    if single is None:
        return text
    if outcome is single:
        return text.append(" ·".ljust(1 + len(number(metric, 0.0, signed=True))), style="dim")
    gain = gains_of(outcome, single).get(key)
    colour = "" if not gain else "green" if gain > 0 else "red"
    return text.append(f" {number(metric, gain, signed=True)}", style=colour)


def _best(outcome: Outcome, outcomes: Sequence[Outcome]) -> set[TaskKey]:
    """The tasks on which no other run has a better score."""
    if len(outcomes) == 1:
        return set()
    found = set()
    for key, (name, score) in task_scores(outcome).items():
        others = [score_of(task_scores(other), key) for other in outcomes]
        metric = metric_of(name)
        if score is None or metric is None:
            continue
        if all(other is None or metric.gain(score, other) >= 0 for other in others):
            found.add(key)
    return found


def _relative(outcome: Outcome, single: Outcome) -> str:
    """Δm of a run, in %; a dot in that of the tasks alone."""
    if outcome is single:
        return "·"
    value = delta_m(outcome, single)
    return "–" if value is None else f"{value:+.1f}"


def _counted(outcomes: Sequence[Outcome], single: Outcome) -> Iterator[RenderableType]:
    """Of many tasks a row a run: how many gain and, in one unit, their mean and ends."""
    tasks = task_scores(outcomes[0])
    units = {
        (metric, key.task if unit_of(metric) == "label's" else "")
        for key, (metric, _) in tasks.items()
    }
    unit = next(iter(units))[0] if len(units) == 1 else None
    of = f", in {with_unit(unit)}" if unit else ""
    yield plain_text(f"Gains of {len(tasks)} tasks over {single.name}{of}:")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run", overflow="fold")
    table.add_column("tasks up", justify="right", no_wrap=True)
    for head in ("mean", "Δm %") if unit else ():
        table.add_column(head, justify="right", no_wrap=True)
    for head in ("lowest", "highest") if unit else ():
        table.add_column(head, overflow="fold")
    for outcome in outcomes:
        if outcome is single:
            continue
        gains = gains_of(outcome, single)
        cells = [plain_text(called(outcome)), *_ends(gains, tasks, unit)]
        if unit:
            cells.insert(3, Text(_relative(outcome, single)))
        table.add_row(*cells, style="bold" if outcome is outcomes[0] else "")
    yield table


def _ends(gains: Mapping[TaskKey, float | None], tasks: Scored, unit: str | None) -> Iterator[Text]:
    """How many of some gains are above 0 and, in one unit, their mean, the lowest, the highest."""
    known = {key: gain for key, gain in gains.items() if gain is not None}
    up = sum(gain > 0 for gain in known.values())
    yield Text(f"{up} of {len(known)}" if known else "–")
    if not unit:
        return
    names = short_names(tasks)
    if not known:
        yield from (Text("–"), Text("–"), Text("–"))
        return
    yield Text(number(unit, fmean(known.values()), signed=True))
    for key in (min(known, key=known.__getitem__), max(known, key=known.__getitem__)):
        yield plain_text(f"{number(unit, known[key], signed=True)} {names[key]}")
