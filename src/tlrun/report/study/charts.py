"""The charts of a study: scores along λ, along the number of labels, and loss along the steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from tlrun.core.json_text import parsed
from tlrun.core.paths import read_text
from tlrun.report.answer import Chart, Figure, Line, Point
from tlrun.report.formatting import unit_of
from tlrun.report.study.arms import Axis, Series, number_of, shown
from tlrun.report.study.labels import config_of
from tlrun.runs.outcome import Outcome

Score = Callable[[Sequence[Outcome]], Figure]  # the mean score of some runs, one a seed
MOST_LINES = 8  # of a chart of losses: more cannot be told apart
TRANSFERS = ("parameter_transfer", "feature_transfer", "structure_transfer", "fused", "joint")
BUDGETS = ("dataset.labels_per_class", "dataset.labels", "dataset.label_fraction")


def lam_chart(axes: Sequence[Axis], controls: Sequence[Series], score: Score) -> list[Chart]:
    """Test scores along λ, a line an axis of at least two λ that are numbers; none without any.

    controls: those that have one score for a whole axis, as levels. score: of runs, one a seed.
    """
    lines = []
    for axis in axes:
        points = []
        for lam, by_seed in axis.by_lam.items():
            at = number_of(lam)
            if at is not None:
                figure = score(list(by_seed.values()))
                points.append(Point(at, shown(lam), figure))
        if len(points) > 1:
            lines.append(Line(axis.label, tuple(points)))
    if not lines:
        return []
    transfers = all(axis.strategy in TRANSFERS for axis in axes if len(axis.by_lam) > 1)
    names = {point.name for line in lines for point in line.points}
    ends = {"0": "source only", "1": "as in the equation", "∞": "target only, from the source"}
    if not transfers:
        ends = {"0": "no relation", "1": "as in the equation"}
    return [
        Chart(
            kind="lam",
            title="How strong: the test score along λ",
            x="λ",
            y=_title(axes[0].runs[0]),
            unit=unit_of(_title(axes[0].runs[0])),
            lines=tuple(lines),
            levels=tuple(
                (control.label, score(list(control.runs.values()))) for control in controls
            ),
            ends={name: meaning for name, meaning in ends.items() if name in names},
            note="Band: 95 % interval over seeds and test examples, one λ at a time.",
        )
    ]


def label_chart(series: Sequence[Series], score: Score) -> list[Chart]:
    """Test scores along the labels of the target, a line for arms that differ in nothing else."""
    groups: dict[tuple[str, ...], list[Series]] = {}
    for one in series:
        config = config_of(one.first)
        rest = sorted(f"{key}={value}" for key, value in config.items() if key not in BUDGETS)
        groups.setdefault((one.strategy, one.lam if not one.chosen else "", *rest), []).append(one)
    lines = []
    for (strategy, *_), members in groups.items():
        by_labels = {labels_used(one.first): one for one in members}
        if len(by_labels) > 1:
            points = []
            for count, one in sorted(by_labels.items()):
                points.append(Point(count, f"{count}", score(list(one.runs.values()))))
            lines.append(Line(strategy, tuple(points)))
    if not lines:
        return []
    return [
        Chart(
            kind="labels",
            title="With how many labels: the test score along the labels of the target",
            x="labels of the target, training and validation together",
            y=_title(series[0].first),
            unit=unit_of(_title(series[0].first)),
            lines=tuple(lines),
            note="Band: 95 % interval over seeds and test examples, one point at a time.",
        )
    ]


def labels_used(run: Outcome) -> int:
    """How many labels a run has used of what its problem is about: of the target, or of all."""
    labels: Mapping[str, int] = run.result["labels"]
    about = run.result["headline"].get("tasks", {})
    domains = {name.partition("/")[0] for name in about}
    return sum(count for domain, count in labels.items() if domain in domains or not domains)


def steps_chart(series: Sequence[Series]) -> list[Chart]:
    """The objective along the steps of each arm's last stage, as the mean over its seeds."""
    lines = []
    for one in series[:MOST_LINES]:
        curves = [curve for run in one.runs.values() if (curve := _objective(run))]
        steps = sorted(set.intersection(*map(set, curves))) if curves else []
        points = []
        for step in steps:
            mean = fmean(curve[step] for curve in curves)
            points.append(Point(step, f"{step}", Figure(f"{mean:.4g}", mean, n=len(curves))))
        if len(points) > 1:
            name = one.label if one.lam == "–" else f"{one.label}, λ={one.lam}"
            lines.append(Line(name, tuple(points)))
    if not lines:
        return []
    return [
        Chart(
            kind="steps",
            title="How training went: the objective of the last stage",
            x="step",
            y="objective, mean over seeds",
            unit="",
            lines=tuple(lines),
            note="Arms minimise different objectives: compare shapes, not heights.",
        )
    ]


def _objective(run: Outcome) -> dict[int, float]:
    """The objective by step, of the last stage of a run; empty where nothing was logged."""
    curve: dict[int, float] = {}
    stage = None
    try:
        rows = read_text(run.path / "metrics.jsonl").splitlines()
        for row in map(parsed, rows):
            if row["stage"] != stage:  # of an earlier one, or of an earlier fold
                stage, curve = row["stage"], {}
            total = row["terms"]["total"]
            if total is not None and math.isfinite(total):
                curve[int(row["step"])] = float(total)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return curve


def _title(run: Outcome) -> str:
    name: str = run.result["headline"]["name"]
    return name
