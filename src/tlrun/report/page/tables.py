"""What the tables of the page hold, beside what the report says as it is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from tlrun.report.answer import Arm, Chart, Figure, Gain, Study

STRONGEST = 0.3  # the opacity of a matrix's largest entry: words upon it stay readable


def controls_of(arms: Sequence[Arm]) -> tuple[tuple[str, bool], ...]:
    """The columns of the leaderboard: every control, and whether a verdict depends on it."""
    columns: dict[str, bool] = {}
    for arm in sorted(arms, key=lambda arm: arm.role != "arm"):  # a control lacks itself
        for gain in arm.gains:
            columns[gain.over] = columns.get(gain.over, False) or gain.primary
    return tuple(columns.items())


def gain_over(arm: Arm, control: str) -> Gain | None:
    """The gain of `arm` over `control`; None where the two are not compared."""
    return next((gain for gain in arm.gains if gain.over == control), None)


def seeds_of(figures: Iterable[Figure]) -> str:
    """The number of seeds behind `figures`, such as "10" or "8 to 10"; empty without one."""
    counts = {figure.n for figure in figures if figure.n}
    if not counts:
        return ""
    if len(counts) == 1:
        return f"{min(counts)}"
    return f"{min(counts)} to {max(counts)}"


def levels_of(figures: Iterable[Figure]) -> str:
    """The levels of the intervals of `figures`, such as "95 %"; empty where there is none."""
    known = {f"{100 * f.level:.3g}" for f in figures if f.low is not None and f.high is not None}
    return " and ".join(f"{level} %" for level in sorted(known, key=float))


def chart_rows(chart: Chart) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The table of `chart`: the name of each place of its axis, and the figure of every line.

    "": a line without a point there.
    """
    names = {p.at: p.name for line in chart.lines for p in line.points if not math.isnan(p.at)}
    known = [{p.at: p.figure.text for p in line.points} for line in chart.lines]
    return tuple((names[at], tuple(texts.get(at, "") for texts in known)) for at in sorted(names))


def shades(entries: Sequence[Sequence[float]]) -> tuple[tuple[tuple[str, str, float], ...], ...]:
    """A matrix as text, sign and shade of each entry: how strong its colour is, 0 to STRONGEST."""
    most = max((abs(v) for row in entries for v in row if math.isfinite(v)), default=0.0)
    return tuple(tuple(_shade(value, most) for value in row) for row in entries)


def _shade(value: float, most: float) -> tuple[str, str, float]:
    """One entry: its text, whether it is pos or neg, and its share of `most` as an opacity."""
    if math.isnan(value):
        return "–", "pos", 0.0
    text = f"{value:.3g}" if abs(value) >= 1000 else f"{value:.2f}"
    share = min(1.0, abs(value) / most) if most else 0.0
    return text.replace("-", "−"), "neg" if value < 0 else "pos", round(STRONGEST * share, 3)


def count(value: float | None) -> str:
    """A number of steps, examples or parameters; "–" where there is none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 or value == round(value) else f"{value:.1f}"


def seconds(value: float | None) -> str:
    """Seconds, with two digits that tell; "–" where there are none."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def in_points(value: float, unit: str) -> str:
    """A difference of scores as people say it: points where scores are in %."""
    if unit != "%":
        return f"{value:.4g} {unit}".rstrip().replace("-", "−")
    points = f"{100 * value:.4g}".replace("-", "−")
    return f"{points} point" if points == "1" else f"{points} points"


def facts(study: Study) -> str:
    """How the study was done, in short sentences: seeds, test rows, plan."""
    rows, arms = study.tested_rows, study.arms_planned
    said = [f"{study.n} seed{'s' * (study.n != 1)}"]
    if rows:
        said.append(f"{rows:,} test rows, study {study.look} on them")
    plan = f"{arms} arm{'s' * (arms != 1)}, α = {study.alpha:g}"
    if study.delta is not None:
        plan += f", δ = {in_points(study.delta, study.unit)}"
    told = f"declared {when(study.declared)}" if study.declared else "no plan was declared"
    return ". ".join([*said, f"{plan}, {told}"]) + "."


def intervals(study: Study) -> str:
    """Of which level the intervals of a leaderboard are, in a sentence; empty without one."""
    scores = levels_of(arm.score for arm in study.arms)
    gains = levels_of(gain.figure for arm in study.arms for gain in arm.gains)
    said = [f"{level} of a {of}" for level, of in ((scores, "score"), (gains, "gain")) if level]
    return f"± in the leaderboard: {', '.join(said)}." if said else ""


def when(moment: str) -> str:
    """An ISO time as people read it: to the minute, in UTC where it says so; else as it is."""
    day, split, rest = moment.partition("T")
    if not split or len(rest) < 5:
        return moment
    zone = " UTC" if rest.endswith(("Z", "+00:00")) else ""
    return f"{day} {rest[:5]}{zone}" if zone or len(rest) <= 8 else moment
