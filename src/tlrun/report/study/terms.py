"""What a study was declared with, and how it differs from what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tlrun.core.errors import printable
from tlrun.core.metrics import default_delta
from tlrun.report.statistics.sequential import alpha_at
from tlrun.report.study.arms import Series
from tlrun.report.study.grouping import Grouped
from tlrun.store.studydir import LOOKS, StudyPlan, damaged_studies

ALPHA = 0.05


@dataclass(frozen=True)
class Terms:
    """What the words of a study mean. arms: m, those declared, along λ one where it is chosen.

    alpha: α of its words, less than the declared one where looks have spent some. delta: δ; None
    for no such bound. seeds: how many it was to have.
    """

    arms: int
    alpha: float
    delta: float | None
    seeds: int


def terms_of(study: Grouped, series: Sequence[Series]) -> Terms:
    """The terms of a study. series: its arms.

    Without a plan they are the usual ones, and m is how many arms there are.
    """
    metric = series[0].first.result["headline"]["name"]
    most = max(len(one.runs) for one in series)
    if study.plan is None:
        return Terms(len(series), ALPHA, default_delta(metric), most)
    plan = study.plan
    alpha, seeds = plan.alpha, len(plan.seeds)
    if plan.auto:
        seeds = look_of(most)
        alpha = alpha_at(seeds, alpha)
    planned = 0
    for arm in plan.arms:
        chosen = any(one.chosen for one in series if one.family == arm.family)
        planned += 1 if chosen else max(1, len(arm.lams))
    return Terms(max(planned, 1), alpha, plan.delta, seeds)


def look_of(seeds: int) -> int:
    """The look of seeds=auto that so many seeds have reached; the first, of fewer."""
    return max((look for look in LOOKS if look <= seeds), default=LOOKS[0])


def deviations(
    study: Grouped, series: Sequence[Series], records: Mapping[Path, Mapping[str, Any]]
) -> Iterator[str]:
    """How a study differs from its plan, each a sentence. records: run.json of runs, by folder."""
    plan = study.plan
    if plan is None:
        yield (
            "No plan was declared: the arms are those that were found, so that the error rate is "
            "not that of one study. A sweep (tl-run -m …) declares its plan before its first run."
        )
        return
    if missing := list(_missing(study, plan)):
        yield f"Declared, and without a finished run: {', '.join(missing)}."
    if not plan.auto:
        yield from _unfinished(series, plan)
    seeds = sorted({seed for one in series for seed in one.runs})
    added = [seed for seed in seeds if seed not in plan.seeds]
    if added:
        were = "Seed {} was" if len(added) == 1 else "Seeds {} were"
        yield (
            f"{were.format(spans(added))} added after the plan: who adds seeds until a word comes "
            "finds one more often than declared."
        )
    if plan.finished_before:
        yield (
            f"{plan.finished_before:,} of {plan.runs:,} runs had finished before the plan was "
            "declared."
        )
    begun = [
        str(records[run.path].get("started", "")) for one in series for run in one.runs.values()
    ]
    early = sum(_before(when, plan.declared) for when in begun)
    if early:
        yield f"{early:,} of {len(begun):,} runs of its arms began before the plan was declared."


def unusable(runs_dir: Path) -> Iterator[str]:
    """Plans that are not as they were declared, each a sentence; of which study is not known."""
    for mistake in damaged_studies(runs_dir):
        yield printable(
            f"A plan cannot be used, and has been left out: {mistake.key}: {mistake.found}."
        )


def _unfinished(series: Sequence[Series], plan: StudyPlan) -> Iterator[str]:
    """That declared seeds are not finished in any arm: a word is a look before the end."""
    there = {seed for one in series for seed in one.runs}
    if left := sorted(set(plan.seeds) - there):
        of = f"{'seed' if len(left) == 1 else 'seeds'} {spans(left)}"
        yield (
            f"Not finished: {of} of {len(plan.seeds):,} declared. Who stops where a word comes "
            "finds one more often than declared."
        )


def _missing(study: Grouped, plan: StudyPlan) -> Iterator[str]:
    """The arms of which no run has finished, or none of some λ."""
    there = {run.setting for run in study.runs}
    for arm in plan.arms:
        count = sum(setting not in there for setting in arm.settings)
        if count == len(arm.settings):
            yield arm.label
        elif count:
            yield f"{arm.label} ({count} of {len(arm.settings)} λ)"


def _before(when: str, declared: str) -> bool:
    try:
        return datetime.fromisoformat(when) < datetime.fromisoformat(declared)
    except (TypeError, ValueError):
        return False


def spans(numbers: Sequence[int]) -> str:
    """Whole numbers in order, neighbours as a span: 3, 10-19."""
    spans: list[list[int]] = []
    for number in numbers:
        if spans and number == spans[-1][-1] + 1:
            spans[-1][1:] = [number]
        else:
            spans.append([number])
    return ", ".join("-".join(map(str, span)) for span in spans)
