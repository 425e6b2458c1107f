"""Each task of a multi-task run: its score, its gain over learning it alone, Δm, and what was
learnt of the tasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.core.problem import TaskKey, short_names
from tlrun.report.formatting import PERCENT, gain_of, in_points, interval, number, with_unit
from tlrun.report.relations import DISAGREEMENT, MANY, Seeds, mean_relations, plain_text, relations
from tlrun.report.statistics import paired_interval
from tlrun.runs.outcome import Outcome

ALONE = "single_task"  # the control that each task's gain is measured against
LEGEND = (
    "single_task: at the budget of the run. Δm: the mean over tasks of the gain over single_task relative to "
    "single_task's own score, in %, every metric higher-is-better (Maninis et al., CVPR 2019); – where such a score is "
    "not above 0."
)

# one a seed: the run, and the control in which each task is learnt alone
Pairs = Sequence[tuple[Outcome, Outcome]]
Scored = Mapping[TaskKey, tuple[str, float | None]]  # of each task: its metric, and a score of it


def task_scores(outcome: Outcome) -> Scored:
    """Of each task that a run is about: its metric and its test score."""
    about: Mapping[str, str] = outcome.result["headline"].get("tasks", {})
    found = outcome.result["metrics"]["test"] if about else {}
    return {
        TaskKey.parse(name): (metric, found.get(name, {}).get(metric))
        for name, metric in about.items()
    }


def alone(answer: Sequence[Outcome]) -> Outcome | None:
    """The control of an answer in which every task is learnt alone, at the run's whole budget where
    that is more.
    """
    named = {outcome.name: outcome for outcome in answer[1:]}
    return named.get(f"{ALONE}, total budget", named.get(ALONE))


def delta_m(run: Outcome, single: Outcome) -> float | None:
    """Δm = 100/T Σ_i (M_i - S_i)/S_i in %, M_i the score of task i in the run, S_i alone, and
    (S_i - M_i)/S_i where lower is better; None where undefined.
    """
    theirs = task_scores(single)
    shares = []
    for key, (metric, mine) in task_scores(run).items():
        base = theirs.get(key, ("", None))[1]
        gain = gain_of(metric, mine, base)
        if gain is None or base is None or base <= 0:
            return None
        shares.append(gain / base)
    return 100 * fmean(shares) if shares else None


def run_tasks(outcomes: Sequence[Outcome]) -> Iterator[RenderableType]:
    """Of one run and its controls: each task's score in each, its gain over learning it alone, Δm,
    and relations.
    """
    this, single = outcomes[0], alone(outcomes)
    scores = {outcome.name: task_scores(outcome) for outcome in outcomes}
    tasks = scores[this.name]
    if len(tasks) > 1:
        yield Text("")
        if len(tasks) <= MANY:
            yield _run_rows(outcomes, scores, single)
        elif single is not None:
            yield Text(
                _counted(
                    {key: gain for key, gain in _gains(this, single).items() if gain is not None}
                )
            )
        if single is not None:
            value = delta_m(this, single)
            yield Text(
                f"Δm of {this.strategy}: {'–' if value is None else f'{value:+.1f} %'}. {LEGEND}"
            )
    yield from relations(this.result)


def _run_rows(
    outcomes: Sequence[Outcome],
    scores: Mapping[str, Scored],
    single: Outcome | None,
) -> Table:
    this = outcomes[0]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("task")
    table.add_column("metric")
    for outcome in outcomes:
        table.add_column(
            plain_text(this.strategy if outcome is this else outcome.name), justify="right"
        )
    if single is not None:
        table.add_column(f"gain over {ALONE}", justify="right")
    gains = _gains(this, single) if single else {}
    for key, short in short_names(scores[this.name]).items():
        metric = scores[this.name][key][0]
        cells = [
            number(metric, scores[outcome.name].get(key, ("", None))[1]) for outcome in outcomes
        ]
        extra = [number(metric, gains[key], signed=True)] if single else []
        table.add_row(plain_text(short), with_unit(metric), *cells, *extra)
    return table


def sweep_tasks(answers: Sequence[tuple[str, Seeds]]) -> Iterator[RenderableType]:
    """Of many seeds: Δm of each setting and each task's gain over learning it alone, mean ± 95 % t
    interval.

    Settings of other tasks, as of another data set, stand in a table of their own.
    """
    tables: dict[tuple[TaskKey, ...], list[tuple[str, Pairs]]] = {}
    for label, seeds in answers:
        pairs = [(answer[0], single) for answer in seeds if (single := alone(answer)) is not None]
        if pairs and len(keys := tuple(task_scores(pairs[0][0]))) > 1:
            tables.setdefault(keys, []).append((label, pairs))
    for keys, told in tables.items():
        yield Text("")
        yield Text(f"Gain over {ALONE}, task by task ({in_points()} in points):")
        yield _sweep_rows(keys, told)
    if tables:
        apart = any(_apart(told) for told in tables.values())
        yield Text(f"{LEGEND} heads apart: how many {DISAGREEMENT}." if apart else LEGEND)
    yield from mean_relations(answers)


def _sweep_rows(keys: Sequence[TaskKey], told: Sequence[tuple[str, Pairs]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    listed = len(keys) <= MANY
    apart = _apart(told)
    for name in ("setting", "λ", "Δm %", *(["heads apart %"] if apart else [])):
        table.add_column(name, justify="left" if name == "setting" else "right")
    for name in short_names(keys).values() if listed else ("tasks",):
        table.add_column(plain_text(name), justify="right" if listed else "left")
    metrics = {key: metric for key, (metric, _) in task_scores(told[0][1][0][0]).items()}
    for label, pairs in told:
        each = {key: [_gains(run, single)[key] for run, single in pairs] for key in keys}
        cells = []
        if apart:
            shares = [run.result.get("disagreement") for run, _ in pairs]
            cells.append(interval("", shares, unit=PERCENT))
        cells += (
            [interval(metrics[key], each[key], signed=True) for key in keys]
            if listed
            else [_counted_over_seeds(each)]
        )
        relative = interval(
            "", [delta_m(run, single) for run, single in pairs], signed=True, digits=1
        )
        table.add_row(plain_text(label), pairs[0][0].lam_label or "–", relative, *cells)
    return table


def _apart(told: Sequence[tuple[str, Pairs]]) -> bool:
    return any("disagreement" in run.result for _, pairs in told for run, _ in pairs)


def _gains(run: Outcome, single: Outcome) -> dict[TaskKey, float | None]:
    theirs = task_scores(single)
    gains: dict[TaskKey, float | None] = {}
    for key, (metric, mine) in task_scores(run).items():
        gains[key] = gain_of(metric, mine, theirs.get(key, ("", None))[1])
    return gains


def _counted(gains: Mapping[TaskKey, float]) -> str:
    """Many tasks of one run in a line: how many gain, and the ends."""
    names = short_names(gains)
    ordered = sorted(gains, key=gains.__getitem__)
    up = sum(gain > 0 for gain in gains.values())
    ends = ", ".join(f"{names[key]} {gains[key]:+.3f}" for key in (ordered[0], ordered[-1]))
    return printable(
        f"over {ALONE}: {up} of {len(gains)} tasks up, mean {fmean(gains.values()):+.3f}, from {ends}"
    )


def _counted_over_seeds(each: Mapping[TaskKey, Sequence[float | None]]) -> str:
    """Many tasks over seeds: of how many the interval lies above 0, and below; one interval a
    task.
    """
    known = {key: [gain for gain in gains if gain is not None] for key, gains in each.items()}
    spans = [paired_interval(gains) for gains in known.values() if len(gains) > 1]
    if not spans:
        return f"{len(each)} tasks, no interval of one seed"
    above = sum(middle - half > 0 for middle, half in spans)
    below = sum(middle + half < 0 for middle, half in spans)
    unknown = f", {len(each) - len(spans)} without a score" if len(spans) < len(each) else ""
    return f"{above} of {len(each)} up, {below} down, {len(spans) - above - below} within their intervals{unknown}"
