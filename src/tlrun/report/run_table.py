"""The closing table of one run and its controls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from tlrun.core.metrics import metric_of
from tlrun.report.console import WIDE, link
from tlrun.report.formatting import number, with_unit
from tlrun.report.sizes import SIZE_LEGEND, largest, size_cells
from tlrun.report.task_gains import difference, tasks_up
from tlrun.report.tasks import run_tasks
from tlrun.report.tested import every_metric, small_tests
from tlrun.runs.outcome import Outcome

NARROW = 80  # columns below which steps and examples are left out: a number is never cut
MOST_DOMAINS = 4  # whose labels are listed one by one
LEFT = {"run", "path"}  # columns of words; the others hold numbers


def run_table(outcomes: Sequence[Outcome], console: Console) -> RenderableType:
    """One run and its controls: score, gain over each control, and what each cost.

    outcomes: the run, then its controls. On a narrow terminal paths and sizes stand below the
    table, and steps and examples are left out.
    """
    dense = largest(outcomes)
    wide = console.width >= WIDE
    parts: list[RenderableType] = [
        _table(outcomes, dense, console.width),
        *run_tasks(outcomes),
        Text(""),
        *map(Text, every_metric(outcomes[0])),
        Text(_legend(outcomes)),
        *(Text(line, style="yellow") for line in small_tests(outcomes[:1])),
    ]
    if not wide:
        for outcome in outcomes:
            parts += _below(outcome, dense)
    for outcome in outcomes:
        if outcome.differs:
            elsewhere = f"{outcome.name}: made elsewhere ({outcome.differs})"
            parts.append(Text(elsewhere, style="yellow"))
    return Group(*parts)


def _table(outcomes: Sequence[Outcome], dense: Mapping[str, int], width: int) -> Table:
    """A row a run. width: columns of the terminal; dense: as of `size_cells`."""
    this = outcomes[0]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for outcome in outcomes:
        cells = _cells(outcome, this)
        if len(outcomes) == 1:
            del cells["gain"]
        if width < NARROW:
            del cells["steps"], cells["examples"]
        if width >= WIDE:
            cells |= size_cells([outcome], dense)
            cells["path"] = link(outcome.path)
        if not table.columns:
            for name in cells:
                justify: JustifyMethod = "left" if name in LEFT else "right"
                table.add_column(name, justify=justify, no_wrap=name == "run")
        table.add_row(*cells.values(), style="bold" if outcome is this else "")
    return table


def _cells(outcome: Outcome, this: Outcome) -> dict[str, str | Text]:
    """What stands in the row of a run, by column. this: the run that was asked for."""
    result, title = outcome.result, this.result["headline"]["name"]
    name, gain = this.strategy, ""
    if outcome is not this:
        name, gain = outcome.name, number(title, difference(this, outcome), signed=True)
        if metric_of(title) is None:
            gain = tasks_up([(this, outcome)])
    return {
        "run": name,
        "λ": outcome.lam_label or "–",
        f"test {with_unit(title)}": number(title, result["headline"]["test"]),
        "gain": gain,
        "labels": _labels(result["labels"]),
        "steps": str(result["steps"] or "–"),
        "examples": f"{result['examples']:,}" if result["examples"] else "–",
        "s": "found" if outcome.found else f"{outcome.seconds:.1f}",
    }


def _labels(labels: Mapping[str, int]) -> str:
    """Of each domain, or of all where they are many."""
    if len(labels) <= MOST_DOMAINS:
        return "+".join(map(str, labels.values()))
    return f"{sum(labels.values()):,}"


def _legend(outcomes: Sequence[Outcome]) -> str:
    """What the columns mean that the table has."""
    this, labels = outcomes[0], outcomes[0].result["labels"]
    domains = "of all domains"
    if len(labels) <= MOST_DOMAINS:
        domains = "+".join(labels)
    legend = f"labels: {domains}. examples: drawn in training, all domains together."
    if len(outcomes) > 1:
        gain = f"gain: by how much {this.strategy} is better than the control on the same seed"
        legend = f"{gain}; above 0 the control is beaten. {legend}"
    if largest(outcomes):
        legend = f"{legend} {SIZE_LEGEND}"
    return legend


def _below(outcome: Outcome, dense: Mapping[str, int]) -> Iterator[Text]:
    """What has no column on a narrow terminal: where a run is, and what it weighs."""
    yield Text.assemble(f"{outcome.name}: ", link(outcome.path))
    if dense:
        cells = size_cells([outcome], dense)
        yield Text("  " + ", ".join(f"{value} {head}" for head, value in cells.items()))
