"""The closing table of a sweep: many seeds, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, Group, JustifyMethod, RenderableType
from rich.table import Table
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.core.metrics import metric_of
from tlrun.report.against_estimators import against_estimators
from tlrun.report.console import WIDE
from tlrun.report.formatting import defined, interval, with_unit
from tlrun.report.lambda_axis import ENDS, ENOUGH, Axis, axes, difference, over_end, peaks
from tlrun.report.relations import Seeds, asked_runs
from tlrun.report.sizes import largest, size_cells
from tlrun.report.sweep_legend import Settings, legend
from tlrun.report.task_gains import tasks_up
from tlrun.report.tasks import sweep_tasks
from tlrun.report.tested import counts_tested, small_tests
from tlrun.runs.outcome import Outcome

NO_VERDICT = f"Fewer than {ENOUGH} seeds: no verdict."
VERDICT = "A gain whose interval lies above 0 helps; below 0 hurts."

OVER = "over "  # what the head of a gain says before the name of what it is measured against


@dataclass(frozen=True)
class Column:
    """A column of the table.

    figure: whether it holds what is compared; the others say which row it is.
    words: whether it holds words, which stand at the left; numbers stand at the right.
    """

    head: str
    figure: bool = True
    words: bool = False

    @property
    def justify(self) -> JustifyMethod:
        """On which side of the column its cells stand."""
        return "left" if self.words else "right"


SETTING = Column("setting", figure=False, words=True)
LAM = Column("λ", figure=False)
SEEDS = Column("seeds", figure=False)

Row = Mapping[Column, str]


def sweep_table(settings: Settings, console: Console) -> RenderableType:
    """The mean score of each setting and its mean gain over each control.

    settings: of each setting its label and, of each seed, the run and its controls. Every figure is
    a mean ± the half-width of a 95 % t interval over the seeds, paired where it is a gain. On a
    narrow terminal the figures of a setting stand below one another.
    """
    asked: list[Outcome] = []
    every: list[Outcome] = []
    labels: dict[str, str] = {}
    for label, seeds in settings:
        asked += asked_runs(seeds)
        for outcomes in seeds:
            every += outcomes
        labels.setdefault(seeds[0][0].family, printable(label))
    rows = _rows(settings, asked, largest(every))
    heads = _heads(rows, console.width)
    table = _stacked(rows) if heads is None else _beside(rows, heads)
    parts: list[RenderableType] = [table, *sweep_tasks(settings), Text("")]
    parts += [Text(line) for line in (*peaks(asked, labels), *against_estimators(settings))]
    compares = any(column.head.startswith(OVER) for column in rows[0])
    parts.append(Text(legend(settings, every, compares)))
    if all(run.result["tested"] == asked[0].result["tested"] for run in asked):
        parts += [Text(line) for line in counts_tested(asked[0])]
    parts += [Text(line, style="yellow") for line in small_tests(asked)]
    enough = min(len(seeds) for _, seeds in settings) >= ENOUGH
    parts.append(Text(VERDICT if enough else NO_VERDICT))
    for differs in dict.fromkeys(outcome.differs for outcome in every):
        if differs:
            parts.append(Text(f"some runs were made elsewhere ({differs})", style="yellow"))
    return Group(*parts)


def _rows(settings: Settings, asked: Sequence[Outcome], dense: Mapping[str, int]) -> list[Row]:
    """A row a setting; all have the same columns.

    asked: the runs of all settings, without controls. dense: as of `size_cells`.
    """
    controls: dict[str, None] = {}
    for _, seeds in settings:
        for _, *others in seeds:
            controls |= dict.fromkeys(control.name for control in others)
    along = axes(asked)
    ends = [end for end in ENDS if any(end in axis for axis in along.values())]
    titles = {run.result["headline"]["name"] for run in asked}
    rows: list[Row] = []
    for label, seeds in settings:
        runs = asked_runs(seeds)
        axis = along.get(runs[0].family, {})
        row = {SETTING: printable(label), LAM: runs[0].lam_label or "–", SEEDS: str(len(seeds))}
        row |= _score(runs, mixed=len(titles) > 1)
        row |= _gains(seeds, list(controls))
        row |= _over_ends(runs, axis, ends)
        for head, size in size_cells(runs, dense).items():
            row[Column(head)] = size
        rows.append(row)
    return rows


def _score(runs: Sequence[Outcome], mixed: bool) -> dict[Column, str]:
    """The mean test score.

    mixed: whether other settings have another metric, so that a score has to say which it is.
    """
    title = runs[0].result["headline"]["name"]
    scores = interval(title, [run.result["headline"]["test"] for run in runs])
    if mixed:
        return {Column("test"): f"{with_unit(title)} {scores}"}
    return {Column(f"test {with_unit(title)}"): scores}


def _gains(seeds: Seeds, controls: Sequence[str]) -> dict[Column, str]:
    """The gain over each control, on the seeds that have it."""
    title = seeds[0][0].result["headline"]["name"]
    cells = {}
    for name in controls:
        pairs = [(run, other) for run, *others in seeds for other in others if other.name == name]
        gains = [difference(run, other) for run, other in pairs]
        cell = interval(title, gains, signed=True, seeds=len(seeds))
        if pairs and metric_of(title) is None:
            cell = tasks_up(pairs)
        cells[Column(f"{OVER}{name}")] = cell
    return cells


def _over_ends(
    runs: Sequence[Outcome], axis: Axis, ends: Sequence[float | str]
) -> dict[Column, str]:
    """The gain over the ends of the setting's own λ axis, on the seeds where it is defined."""
    title = runs[0].result["headline"]["name"]
    cells = {}
    for end in ends:
        gains = defined([over_end(run, axis, end) for run in runs])
        cells[Column(f"{OVER}{ENDS[end]}")] = interval(title, gains, signed=True, seeds=len(runs))
    return cells


def _heads(rows: Sequence[Row], width: int) -> dict[Column, str] | None:
    """The heads of the columns, in one line or broken, so that all of them fit in a terminal.

    width: its columns. None where they do not fit beside one another.
    """
    if width < WIDE:
        return None
    whole = {column: column.head for column in rows[0]}
    if _width(whole, rows) <= width:
        return whole
    broken = {column: head.replace(" ", "\n") for column, head in whole.items()}
    return broken if _width(broken, rows) <= width else None


def _width(heads: Mapping[Column, str], rows: Sequence[Row]) -> int:
    """How many columns of a terminal a table needs in which only the `heads` are broken."""
    total = 2 * (len(heads) - 1)  # between the columns
    for column, head in heads.items():
        texts = head.split("\n") + [row[column] for row in rows]
        total += max(map(len, texts))
    return total


def _beside(rows: Sequence[Row], heads: Mapping[Column, str]) -> Table:
    """All figures of a setting in its row."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, head in heads.items():
        table.add_column(head, justify=column.justify, overflow="fold", no_wrap=True)
    for row in rows:
        table.add_row(*row.values())
    return table


def _stacked(rows: Sequence[Row]) -> Table:
    """The figures of a setting below one another."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    facts = [column for column in rows[0] if not column.figure]
    for column in facts:
        table.add_column(column.head, justify=column.justify, overflow="fold")
    table.add_column("", overflow="fold")
    table.add_column("figure", justify="right", overflow="fold")
    for row in rows:
        before = [row[column] for column in facts]
        for column, value in row.items():
            if column.figure:
                table.add_row(*before, column.head, value)
                before = [""] * len(facts)  # what they are stands in the first line alone
    return table
