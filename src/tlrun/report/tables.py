"""The closing tables: one run with its controls, or many seeds with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tlrun.experiment import Outcome
from tlrun.report.screen import printable
from tlrun.report.statistics import paired_interval

WIDE = 130  # columns from which on paths fit into the table
FEWEST = 5  # seeds below which an interval is too unsure of its own width to be read as a verdict
NO_VERDICT = f"Fewer than {FEWEST} seeds: no verdict."


def number(name: str, value: float | None, signed: bool = False) -> str:
    """A score, or (signed) a difference of scores, of the headline `name`: accuracy in %, others as they are."""
    if value is None or math.isnan(value):
        return "–"
    sign = "+" if signed else ""
    return f"{100 * value:{sign}.1f}" if name.endswith("accuracy") else f"{value:{sign}.3f}"


def gain(this: Outcome, control: Outcome) -> float | None:
    """Transfer gain: this run's test score minus the control's, on the same seed."""
    mine, theirs = this.result["headline"]["test"], control.result["headline"]["test"]
    return None if mine is None or theirs is None else mine - theirs


def link(path: Path) -> Text:
    """A path that can be clicked where the terminal can."""
    return Text(printable(str(path)), style=f"link {path.resolve().as_uri()}", overflow="fold")


def run_table(outcomes: Sequence[Outcome], console: Console) -> RenderableType:
    """One run and its controls: score, gain over each control, and what each cost."""
    this = outcomes[0]
    title = this.result["headline"]["name"]
    wide = console.width >= WIDE
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("run", no_wrap=True)
    table.add_column("λ", justify="right")
    for name in (
        f"test {title}" + (" %" if title.endswith("accuracy") else ""),
        "gain",
        "labels",
        "steps",
        "examples",
        "s",
    ):
        table.add_column(name, justify="right")
    if wide:
        table.add_column("path")
    for outcome in outcomes:
        result = outcome.result
        table.add_row(
            this.strategy if outcome is this else outcome.name,
            outcome.lam or "–",
            number(title, result["headline"]["test"]),
            "" if outcome is this else number(title, gain(this, outcome), signed=True),
            "+".join(str(count) for count in result["labels"].values()),
            str(result["steps"]),
            f"{result['examples']:,}",
            ("found" if outcome.found else f"{outcome.seconds:.1f}"),
            *([link(outcome.path)] if wide else []),
            style="bold" if outcome is this else "",
        )
    domains = "+".join(this.result["labels"])
    legend = Text(
        f"gain: {this.strategy} minus the control on the same seed; above 0 the control is beaten. labels: {domains}."
    )
    paths = [] if wide else [Text(""), *[Text.assemble(f"{o.name}: ", link(o.path)) for o in outcomes]]
    differing = [Text(f"{o.name}: made elsewhere ({o.differs})", style="yellow") for o in outcomes if o.differs]
    return Group(table, Text(""), legend, *paths, *differing)


def sweep_table(answers: Sequence[tuple[str, Sequence[Sequence[Outcome]]]]) -> RenderableType:
    """Many seeds: the mean score of each setting (its label, one answer a seed) and its mean gain over each control.

    Every figure is a mean ± the half-width of a 95 % t interval over the seeds, paired where it is a gain.
    """
    controls = list(dict.fromkeys(o.name for _, seeds in answers for answer in seeds for o in answer[1:]))
    first = answers[0][1][0][0].result["headline"]["name"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("setting", no_wrap=True)
    for name in ("λ", "seeds", f"test {first}" + (" %" if first.endswith("accuracy") else "")):
        table.add_column(name, justify="right")
    for name in controls:
        table.add_column(f"gain over {name}", justify="right")
    for label, seeds in answers:
        title = seeds[0][0].result["headline"]["name"]
        scores = [answer[0].result["headline"]["test"] for answer in seeds]
        gains = [[gain(answer[0], o) for answer in seeds for o in answer[1:] if o.name == name] for name in controls]
        table.add_row(
            printable(label),
            seeds[0][0].lam or "–",
            str(len(seeds)),
            _interval(title, scores),
            *[_interval(title, each, signed=True) for each in gains],
        )
    legend = Text(
        "± 95 % t interval over seeds (draws of labels, weights and order; same test examples), paired for gains, one "
        "interval each,\nnot corrected for the number of arms. All arms have the same optimizer settings."
    )
    enough = min(len(seeds) for _, seeds in answers) >= FEWEST
    verdict = "A gain whose interval lies above 0 helps; below 0 hurts." if enough else NO_VERDICT
    differing = dict.fromkeys(o.differs for _, seeds in answers for answer in seeds for o in answer if o.differs)
    marks = [Text(f"some runs were made elsewhere ({differs})", style="yellow") for differs in differing]
    return Group(table, Text(""), legend, Text(verdict), *marks)


def _interval(title: str, values: Sequence[float | None], signed: bool = False) -> str:
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return "–"
    mean, half = paired_interval(known)
    return f"{number(title, mean, signed)} ± {number(title, half)}"
