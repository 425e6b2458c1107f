"""The rows of a leaderboard: arms and controls, their scores, gains and words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from tlrun.core.metrics import metric_of
from tlrun.report.answer import Arm, Figure, Gain
from tlrun.report.primary import is_primary
from tlrun.report.sizes import largest, size_cells
from tlrun.report.statistics.best import best
from tlrun.report.statistics.holm import holm, p_value, signs
from tlrun.report.statistics.verdict import Compared, Verdict, verdict
from tlrun.report.study.arms import Series
from tlrun.report.study.charts import labels_used
from tlrun.report.study.controls import control_rows, lacking
from tlrun.report.study.evidence import Comparison, Evidence
from tlrun.report.study.folder import Folder
from tlrun.report.study.sentences import amount, plain
from tlrun.report.study.states import spoilt, states_of, usual_of
from tlrun.report.study.terms import Terms
from tlrun.runs.outcome import Outcome

NONE = (math.nan, math.nan)
LEVEL = 0.95  # of the interval of a score, which no word is drawn from


@dataclass(frozen=True)
class Counts:
    """What a word takes.

    seeds: those that an arm shares with every primary control. rarest: test examples of the rarest
    class; None without classes. groups: of test examples; None where they stand alone. spoilt:
    which runs have diverged that a word would rest on, as a clause; empty where none has.
    """

    seeds: int
    rarest: int | None
    groups: int | None
    spoilt: str = ""


@dataclass(frozen=True)
class Row:
    """One row: what it compares, its word, and what the word rests on."""

    series: Series
    arm: Arm
    compared: tuple[Compared, ...]
    counts: Counts
    verdict: Verdict


def rows_of(
    series: Sequence[Series], terms: Terms, evidence: Evidence, folder: Folder
) -> list[Row]:
    """The arms of a study and its controls, the highest score first.

    series: the arms. Gains are of level 1-α/m, their p values Holm's over all of the study.
    """
    controls = control_rows(series)
    rows = [_row(one, one.controls, terms, evidence) for one in series]
    names = {name for one in series for name in one.controls}
    against = {control.label: control.runs for control in controls if control.label in names}
    for control in controls:
        others = {name: runs for name, runs in against.items() if name != control.label}
        row = _row(control, others, terms, evidence)
        network = control.first.result["size"] is not None
        arm = replace(
            row.arm, role="control" if network else "outside", word="", why="", hurt_by=""
        )
        rows.append(replace(row, arm=arm))
    rows = _with_best(_with_holm(rows), terms.alpha, evidence)
    every = [run for row in rows for run in row.series.runs.values()]
    usual, dense = usual_of(every, folder.records), largest(every)
    rows = [_with_facts(row, terms.seeds, usual, dense, folder) for row in rows]
    return sorted(rows, key=lambda row: -_height(row))


def _row(
    one: Series, controls: Mapping[str, Mapping[int, Outcome]], terms: Terms, evidence: Evidence
) -> Row:
    """The row of an arm or a control against `controls`, without what others' rows decide."""
    runs = list(one.runs.values())
    metric = one.first.result["headline"]["name"]
    gains, compared = [], []
    for name, theirs in controls.items():
        found = evidence.gain(one.runs, theirs)
        control = next(iter(theirs.values()))
        if found is not None:
            gains.append(_gain(name, control, found, terms))
            compared.append(_compared(name, control, found))
        elif is_primary(control):
            gains.append(Gain(name, primary=True, figure=Figure("–"), shown="–"))
            compared.append(_unknown(name))
    if compared:
        compared += [_unknown(name) for name in lacking(one)]
    counts = _counts(compared, evidence.rarest(one.first), len(runs))
    counts = replace(counts, spoilt=spoilt(one.runs, controls))
    word = word_of(compared, counts, terms, metric)
    score = evidence.score(runs)
    arm = Arm(
        label=one.label,
        strategy=one.strategy,
        lam=one.lam,
        role="arm",
        score=Figure("–", n=len(runs)) if score is None else score.figure(LEVEL, signed=False),
        gains=tuple(gains),
        word=word.word,
        why=word.why.removeprefix("no word: "),
        hurt_by=next((name for name in controls if plain(name) == word.control), ""),
        chosen=one.chosen,
        labels=labels_used(one.first),
        steps=fmean(run.result["steps"] for run in runs),
        examples=fmean(run.result["examples"] for run in runs),
        seconds=fmean(run.seconds for run in runs),
        parameters=(one.first.result["size"] or {}).get("parameters"),
        seeds=tuple(one.runs),
        runs=tuple("/".join(run.path.parts[-3:]) for run in runs),
        diverged=sum(run.diverged for run in runs),
    )
    return Row(one, arm, tuple(compared), counts, word)


def _gain(over: str, control: Outcome, found: Comparison, terms: Terms) -> Gain:
    level = 1 - terms.alpha / terms.arms
    low, high = found.bounds(level)
    shown: Literal["above", "below", "neither", "–"] = "neither"
    if math.isnan(low):
        shown = "–"
    elif low > 0 or high < 0:
        shown = "above" if low > 0 else "below"
    v = found.variance
    p = p_value(v.centre, v.total, v.df)
    return Gain(
        over=over,
        primary=is_primary(control),
        outside=control.result["size"] is None,
        figure=found.figure(level, signed=True),
        shown=shown,
        ups=signs(found.pairs.gains.tolist()),
        p=None if shown == "–" or math.isnan(p) else p,
        differing=found.pairs.differing if found.pairs.right_or_wrong else None,
    )


def _compared(over: str, control: Outcome, found: Comparison) -> Compared:
    """A comparison as the word asks for it."""
    right = found.pairs.right_or_wrong and not found.pairs.clustered
    return Compared(
        name=plain(over),
        primary=is_primary(control),
        interval=found.bounds,
        mean=float(found.pairs.gains.mean()),
        differing=found.pairs.differing if right else None,
        spread=found.spread,
    )


def _unknown(over: str) -> Compared:
    """A primary control without a score to compare with, beside which no word can be given."""
    return Compared(plain(over), primary=True, interval=lambda _: NONE, mean=math.nan)


def _counts(compared: Sequence[Compared], rarest: int | None, runs: int) -> Counts:
    spreads = [each.spread for each in compared if each.primary and each.spread is not None]
    seeds = min((spread.seeds for spread in spreads), default=runs)
    groups = [spread.units for spread in spreads if spread.clustered and spread.units is not None]
    return Counts(seeds, rarest, min(groups, default=None))


def word_of(compared: Sequence[Compared], counts: Counts, terms: Terms, metric: str) -> Verdict:
    """The word of an arm that is `compared` with its controls; none where a run has diverged."""
    if counts.spoilt:
        return Verdict("", why=f"no word: {counts.spoilt}", more_seeds=False)
    return verdict(
        compared,
        n=counts.seeds,
        alpha=terms.alpha,
        arms=terms.arms,
        delta=terms.delta,
        rarest=counts.rarest,
        groups=counts.groups,
        written=lambda value: amount(metric, value),
    )


def _with_holm(rows: Sequence[Row]) -> list[Row]:
    """The rows with p values mended for all gains of arms over primary controls."""
    every = []
    for place, row in enumerate(rows):
        for number, gain in enumerate(row.arm.gains):
            if row.arm.role == "arm" and gain.primary and gain.p is not None:
                every.append((place, number, gain.p))
    mended = {key[:2]: p for key, p in zip(every, holm([p for _, _, p in every]), strict=True)}
    found = []
    for place, row in enumerate(rows):
        gains = [replace(g, p=mended.get((place, k))) for k, g in enumerate(row.arm.gains)]
        found.append(replace(row, arm=replace(row.arm, gains=tuple(gains))))
    return found


def _with_best(rows: Sequence[Row], alpha: float, evidence: Evidence) -> list[Row]:
    """The rows, marked where not shown to be worse than the top one; none that has diverged."""
    known = {str(k): row for k, row in enumerate(rows) if not row.arm.diverged}
    means = {k: _height(row) for k, row in known.items() if row.arm.score.value is not None}

    def over(one: str, other: str) -> Callable[[float], tuple[float, float]]:
        found = evidence.gain(rows[int(one)].series.runs, rows[int(other)].series.runs)
        return (lambda _: NONE) if found is None else found.bounds

    marked = best(means, over, alpha) if len(means) > 1 else frozenset()
    return [replace(row, arm=replace(row.arm, best=str(k) in marked)) for k, row in enumerate(rows)]


def _with_facts(
    row: Row,
    planned: int,
    usual: dict[str, str | int],
    dense: Mapping[str, int],
    folder: Folder,
) -> Row:
    """A row with what is unusual about its runs, and how large they are among others."""
    runs = list(row.series.runs.values())
    states = states_of(runs, folder.records, usual, planned)
    if row.arm.role == "arm":
        names = lacking(row.series)
        states += tuple(f"no finished run of its control {plain(name)}" for name in names)
    return replace(row, arm=replace(row.arm, states=states, sizes=size_cells(runs, dense)))


def _height(row: Row) -> float:
    """The mean score, turned so that higher is better; lowest where there is none."""
    value = row.arm.score.value
    if value is None:
        return -math.inf
    metric = metric_of(row.series.first.result["headline"]["name"])
    return value if metric is None or metric.higher_is_better else -value
