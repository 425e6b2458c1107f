"""The tasks of multi-task runs, one by one: scores, gains over learning each alone, and Δm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.core.problem import TaskKey, short_names
from tlrun.report.formatting import defined, gain_of, in_points, interval, number, with_unit
from tlrun.report.relations import DISAGREEMENT, MANY, Seeds, mean_relations, plain_text, relations
from tlrun.report.statistics import paired_interval
from tlrun.runs.outcome import Outcome

ALONE = "single_task"  # the control that each task's gain is measured against
LEGEND = (
    "single_task: at the budget of the run. Δm: the mean over tasks of the gain over single_task "
    "relative to single_task's own score, in %, every metric higher-is-better (Maninis et al., "
    "CVPR 2019); – where such a score is not above 0."
)

Pair = tuple[Outcome, Outcome]  # a run, and the control in which each task is learnt alone
Compared = Sequence[tuple[str, Sequence[Pair]]]  # each setting: its label, and a pair a seed
Scored = Mapping[TaskKey, tuple[str, float | None]]  # of each task: its metric, and a score of it


def task_scores(outcome: Outcome) -> Scored:
    """Of each task that the headline of a run is about: its metric, and its test score or None."""
    about: Mapping[str, str] = outcome.result["headline"].get("tasks", {})
    tested = outcome.result["metrics"]["test"] if about else {}
    scores = {}
    for name, metric in about.items():
        scores[TaskKey.parse(name)] = (metric, tested.get(name, {}).get(metric))
    return scores


def alone(answer: Sequence[Outcome]) -> Outcome | None:
    """The control in which every task is learnt alone; None where there is none.

    answer: a run, then its controls. Where the run's whole budget is more than that of a stage, it
    is the control of that budget.
    """
    named = {outcome.name: outcome for outcome in answer[1:]}
    return named.get(f"{ALONE}, total budget", named.get(ALONE))


def delta_m(run: Outcome, single: Outcome) -> float | None:
    """The mean relative gain of a multi-task `run` over learning each task alone, in %.

        Δm = 100/T Σ_i g_i/S_i,   g_i = M_i - S_i, or S_i - M_i where lower is better

    over its T tasks; M_i is the score of task i in `run`, S_i in `single` (Maninis et al., CVPR
    2019). None where a score is undefined, where an S_i is not above 0, and without tasks.
    """
    base_scores = task_scores(single)
    shares = []
    for key, (metric, score) in task_scores(run).items():
        base = _score_of(base_scores, key)
        gain = gain_of(metric, score, base)
        if gain is None or base is None or base <= 0:
            return None
        shares.append(gain / base)
    return 100 * fmean(shares) if shares else None


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
            yield Text(_counted(_gains(this, single)))
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
        table.add_column(plain_text(head), justify="right")
    gains: Mapping[TaskKey, float | None] = {}
    if single is not None:
        gains = _gains(this, single)
        table.add_column(f"gain over {ALONE}", justify="right")
    for key, short in short_names(scores[this.name]).items():
        metric, _ = scores[this.name][key]
        cells = [number(metric, _score_of(scores[outcome.name], key)) for outcome in outcomes]
        if single is not None:
            cells.append(number(metric, gains[key], signed=True))
        table.add_row(plain_text(short), with_unit(metric), *cells)
    return table


def sweep_tasks(answers: Sequence[tuple[str, Seeds]]) -> Iterator[RenderableType]:
    """The tasks of the settings of a sweep: Δm, and the gain over learning each task alone.

    Every figure is a mean over seeds ± the half-width of its 95 % t interval. Settings of other
    tasks, as of another data set, stand in a table of their own.
    """
    tables: dict[tuple[TaskKey, ...], list[tuple[str, Sequence[Pair]]]] = {}
    for label, seeds in answers:
        pairs = _pairs(seeds)
        if pairs:
            keys = tuple(task_scores(pairs[0][0]))
            if len(keys) > 1:
                tables.setdefault(keys, []).append((label, pairs))
    for keys, compared in tables.items():
        yield Text("")
        yield Text(f"Gain over {ALONE}, task by task ({in_points()} in points):")
        yield _sweep_rows(keys, compared)
    if tables:
        legend = LEGEND
        if any(map(_measured_apart, tables.values())):
            legend += f" heads apart: how many {DISAGREEMENT}."
        yield Text(legend)
    yield from mean_relations(answers)


def _pairs(seeds: Seeds) -> list[Pair]:
    """Of each seed that has both: the run, and its control in which each task is learnt alone."""
    pairs = []
    for answer in seeds:
        single = alone(answer)
        if single is not None:
            pairs.append((answer[0], single))
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
        gains = _gains_by_task(keys, pairs)
        if listed:
            cells += [interval(metrics[key], gains[key], signed=True) for key in keys]
        else:
            cells.append(_counted_over_seeds(gains))
        table.add_row(plain_text(label), pairs[0][0].lam_label or "–", *cells)
    return table


def _measured_apart(compared: Compared) -> bool:
    """Whether any run has measured how often its heads disagree."""
    return any("disagreement" in run.result for _, pairs in compared for run, _ in pairs)


def _score_of(scores: Scored, key: TaskKey) -> float | None:
    """The score of a task; None where a run has none of it."""
    return scores[key][1] if key in scores else None


def _gains(run: Outcome, single: Outcome) -> dict[TaskKey, float | None]:
    """The gain of every task of `run` over `single`; None where a score is undefined."""
    base_scores = task_scores(single)
    gains: dict[TaskKey, float | None] = {}
    for key, (metric, score) in task_scores(run).items():
        gains[key] = gain_of(metric, score, _score_of(base_scores, key))
    return gains


def _gains_by_task(
    keys: Sequence[TaskKey], pairs: Sequence[Pair]
) -> dict[TaskKey, list[float | None]]:
    """Of every task its gains, one a seed."""
    by_task: dict[TaskKey, list[float | None]] = {key: [] for key in keys}
    for run, single in pairs:
        gains = _gains(run, single)
        for key in keys:
            by_task[key].append(gains[key])
    return by_task


def _counted(gains: Mapping[TaskKey, float | None]) -> str:
    """Many tasks of one run in a line: how many gain, and the ends."""
    known = {key: gain for key, gain in gains.items() if gain is not None}
    if not known:
        return f"over {ALONE}: {len(gains)} tasks, none with a score to compare"
    names = short_names(known)
    ordered = sorted(known, key=known.__getitem__)
    up = sum(gain > 0 for gain in known.values())
    first, last = ordered[0], ordered[-1]
    return printable(
        f"over {ALONE}: {up} of {len(known)} tasks up, mean {fmean(known.values()):+.3f}, "
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
