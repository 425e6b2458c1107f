"""How the losses of a run went, stage by stage, as small charts in text."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.table import Table
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.core.json_text import parsed
from tlrun.core.paths import read_text
from tlrun.report.render.curves import bars_of

MOST_LINES = 9  # beside the head
MOST_LOSSES = 3  # of a stage, one by one; of more their sum
WIDEST, NARROWEST = 40, 8  # columns of a chart
OTHERS = 62  # columns of a terminal that the rest of a row needs, about


@dataclass(frozen=True)
class LossCurve:
    """One loss over the steps of a stage. values: one for each of `steps`, the first one first."""

    stage: str
    loss: str
    steps: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def lowest(self) -> tuple[float, int]:
        """The lowest value, and at which step."""
        return min(zip(self.values, self.steps, strict=True))


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a metrics.jsonl, less those that cannot be read; of folds those of the first."""
    try:
        lines = read_text(path).splitlines()
    except (OSError, ValueError):
        return []
    rows = []
    for line in lines:
        try:
            row = parsed(line)
        except ValueError:  # the last, of a run that was killed
            continue
        if not (isinstance(row, dict) and {"stage", "step", "terms"} <= set(row)):
            continue
        if isinstance(row["step"], int) and isinstance(row["terms"], dict):
            rows.append(row)
    return [row for row in rows if row.get("fold", 0) == 0]


def loss_curves(rows: Iterable[Mapping[str, Any]]) -> list[LossCurve]:
    """The training losses of every stage, and its loss on validation examples where it has any.

    rows: of metrics.jsonl. Of more than MOST_LOSSES losses it is their sum, Σ L_i; a validation
    loss is the mean over all tasks that are scored.
    """
    stages: dict[str, dict[str, list[tuple[int, float]]]] = {}
    for row in rows:
        series = stages.setdefault(str(row["stage"]), {})
        for name, value in _losses(row):
            if isinstance(value, int | float) and math.isfinite(value):
                series.setdefault(name, []).append((int(row["step"]), float(value)))
    curves = []
    for stage, named in stages.items():
        for name, points in named.items():
            steps, values = zip(*sorted(points), strict=True)
            curves.append(LossCurve(stage, name, steps, values))
    return curves


def learning_curve(curves: Sequence[LossCurve], width: int) -> Table:
    """A row a loss: its chart, from its own lowest value to its highest, and three figures.

    width: columns there are. At most MOST_LINES are shown, and how many are left out.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in ("stage", "loss", "steps"):
        table.add_column(head, overflow="fold")
    table.add_column("curve", no_wrap=True)
    for head in ("first", "lowest", "last"):
        table.add_column(head, justify="right", no_wrap=True)
    room = max(NARROWEST, min(WIDEST, width - OTHERS))
    shown = curves if len(curves) <= MOST_LINES else curves[: MOST_LINES - 1]
    before = ""
    for curve in shown:
        value, step = curve.lowest
        stage = curve.stage if curve.stage != before else ""
        before = curve.stage
        table.add_row(
            Text(printable(stage)),
            Text(printable(curve.loss)),
            f"{curve.steps[0]}-{curve.steps[-1]}",
            bars_of(sampled(curve.values, room), curve.values),
            f"{curve.values[0]:.4g}",
            f"{value:.4g} at {step}",
            f"{curve.values[-1]:.4g}",
        )
    if len(shown) < len(curves):
        table.add_row("…", f"{len(curves) - len(shown)} more")
    return table


def sampled(values: Sequence[float], count: int) -> list[float]:
    """At most `count` values: the means of parts that follow each other, as long as can be."""
    if len(values) <= count:
        return list(values)
    edges = [round(k * len(values) / count) for k in range(count + 1)]
    return [fmean(values[a:b]) for a, b in pairwise(edges)]


def _losses(row: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """The losses of a row, by name."""
    terms = row["terms"]
    losses = {name: value for name, value in terms.items() if name.startswith("L_")}
    if len(losses) > MOST_LOSSES:
        if all(isinstance(value, int | float) for value in losses.values()):
            yield f"Σ L_i ({len(losses)})", sum(losses.values())
    elif losses:
        yield from losses.items()
    elif "total" in terms:
        yield "total", terms["total"]
    tasks = row.get("val")
    scored = [
        of_task.get("loss") if isinstance(of_task, dict) else None
        for of_task in (tasks.values() if isinstance(tasks, dict) else ())
    ]
    known = [loss for loss in scored if isinstance(loss, int | float)]
    if known and len(known) == len(scored):
        yield "validation", fmean(known)
