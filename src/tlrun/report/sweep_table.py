"""The closing table of a sweep: many seeds, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.report.console import WIDE
from tlrun.report.formatting import interval, with_unit
from tlrun.report.lambda_axis import ENDS, ENOUGH, Axis, axes, difference, over_end, peaks
from tlrun.report.sizes import SIZE_LEGEND, largest, size_cells
from tlrun.report.tasks import sweep_tasks
from tlrun.runs.outcome import Outcome

NO_VERDICT = f"Fewer than {ENOUGH} seeds: no verdict."
VERDICT = "A gain whose interval lies above 0 helps; below 0 hurts."

Seeds = Sequence[Sequence[Outcome]]  # one answer a seed: the run, then its controls
Answers = Sequence[tuple[str, Seeds]]  # of each setting, under its label


@dataclass(frozen=True)
class Column:
    """A column of the table. figure: whether it holds what is compared, and does not just say which
    row it is. words: whether it holds words, not numbers.
    """

    head: str
    figure: bool = True
    words: bool = False


SETTING = Column("setting", figure=False, words=True)
LAM = Column("λ", figure=False)
SEEDS = Column("seeds", figure=False)

Row = Mapping[Column, str]


def sweep_table(answers: Answers, console: Console) -> RenderableType:
    """The mean score of each setting and its mean gain over each control.

    Every figure is a mean ± the half-width of a 95 % t interval over the seeds, paired where it is
    a gain. On a narrow terminal the figures of a setting stand below one another.
    """
    asked = [answer[0] for _, seeds in answers for answer in seeds]
    every = [outcome for _, seeds in answers for answer in seeds for outcome in answer]
    rows = _rows(answers, asked, largest(every))
    heads = _heads(rows, console.width)
    table = _stacked(rows) if heads is None else _beside(rows, heads)
    called = {seeds[0][0].family: printable(label) for label, seeds in reversed(answers)}
    parts: list[RenderableType] = [table, *sweep_tasks(answers), Text("")]
    parts += [Text(line) for line in peaks(asked, called)]
    compares = any(column.head.startswith("over ") for column in rows[0])
    parts.append(Text(_legend(answers, every, compares)))
    enough = min(len(seeds) for _, seeds in answers) >= ENOUGH
    parts.append(Text(VERDICT if enough else NO_VERDICT))
    for differs in dict.fromkeys(outcome.differs for outcome in every if outcome.differs):
        parts.append(Text(f"some runs were made elsewhere ({differs})", style="yellow"))
    return Group(*parts)


def _rows(answers: Answers, asked: Sequence[Outcome], dense: Mapping[str, int]) -> list[Row]:
    """A row a setting; all have the same columns."""
    controls: dict[str, None] = {}
    for _, seeds in answers:
        for answer in seeds:
            controls |= dict.fromkeys(control.name for control in answer[1:])
    along = axes(asked)
    ends = [end for end in ENDS if any(end in axis for axis in along.values())]
    titles = {run.result["headline"]["name"] for run in asked}
    rows: list[Row] = []
    for label, seeds in answers:
        runs = [answer[0] for answer in seeds]
        row = {
            SETTING: printable(label),
            LAM: runs[0].lam_label or "–",
            SEEDS: str(len(seeds)),
            **_score(runs, mixed=len(titles) > 1),
            **_gains(seeds, list(controls)),
            **_over_ends(runs, along.get(runs[0].family, {}), ends),
        }
        for head, size in size_cells(runs, dense).items():
            row[Column(head)] = size
        rows.append(row)
    return rows


def _score(runs: Sequence[Outcome], mixed: bool) -> dict[Column, str]:
    """mixed: whether other settings are scored otherwise, so that a score has to say what it is."""
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
        gains = []
        for run, *others in seeds:
            gains += [difference(run, other) for other in others if other.name == name]
        cells[Column(f"over {name}")] = interval(title, gains, True, len(seeds))
    return cells


def _over_ends(
    runs: Sequence[Outcome], axis: Axis, ends: Sequence[float | str]
) -> dict[Column, str]:
    """The gain over the ends of the setting's own λ axis."""
    title = runs[0].result["headline"]["name"]
    cells = {}
    for end in ends:
        gains = [over_end(run, axis, end) for run in runs]
        known = [gain for gain in gains if gain is not None]
        cells[Column(f"over {ENDS[end]}")] = interval(title, known, True, len(runs))
    return cells


def _heads(rows: Sequence[Row], width: int) -> dict[Column, str] | None:
    """What stands above the columns so that a table of so many columns of a terminal holds them;
    None where they do not fit beside one another.
    """
    if width < WIDE:
        return None
    for separator in (" ", "\n"):
        heads = {column: column.head.replace(" ", separator) for column in rows[0]}
        if _width(heads, rows) <= width:
            return heads
    return None


def _width(heads: Mapping[Column, str], rows: Sequence[Row]) -> int:
    """The columns of a terminal that a table needs if nothing in it is to be broken but where its
    `heads` are.
    """
    total = 2 * (len(heads) - 1)
    for column, head in heads.items():
        total += max(len(text) for text in [*head.split("\n"), *(row[column] for row in rows)])
    return total


def _beside(rows: Sequence[Row], heads: Mapping[Column, str]) -> Table:
    """All figures of a setting in its row."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, head in heads.items():
        table.add_column(head, justify="left" if column.words else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row.values())
    return table


def _stacked(rows: Sequence[Row]) -> Table:
    """The figures of a setting below one another."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    facts = [column for column in rows[0] if not column.figure]
    for column in facts:
        justify = "left" if column.words else "right"
        table.add_column(column.head, justify=justify, overflow="fold")  # type: ignore[arg-type]
    table.add_column("", overflow="fold")
    table.add_column("figure", justify="right", overflow="fold")
    for row in rows:
        said = [row[column] for column in facts]
        for column, value in row.items():
            if column.figure:
                table.add_row(*said, column.head, value)
                said = [""] * len(facts)
    return table


def _legend(answers: Answers, every: Sequence[Outcome], compares: bool) -> str:
    """What the figures mean, and what all of them have in common; nothing that is not so."""
    parts = ["over X: gain, the setting minus X on the same seeds."] if compares else []
    drawn = f"draws of labels, weights and order; {_test_examples(answers)}"
    parts.append(
        f"± 95 % t interval over seeds ({drawn}), paired for gains, one interval each, not "
        "corrected for the number of arms."
    )
    parts.append(_optimizers(every))
    if largest(every):
        parts.append(SIZE_LEGEND)
    return " ".join(parts)


def _test_examples(answers: Answers) -> str:
    """Whether the seeds of a setting are tested on the same examples."""
    for _, seeds in answers:
        if len({answer[0].test_examples for answer in seeds}) > 1:
            return "every seed on test examples of its own"
    return "same test examples"


def _optimizers(every: Sequence[Outcome]) -> str:
    """Whether all arms, controls too, are trained by the same optimizer."""
    differing = list(_differing([outcome.optimizer for outcome in every]))
    if not differing:
        return "All arms have the same optimizer settings."
    return f"Arms differ in {', '.join(differing)}; a control has what its run has."


def _differing(nodes: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """The keys of `optimizer` that are not the same everywhere."""
    for key in dict.fromkeys(key for node in nodes for key in node):
        if any(node.get(key) != nodes[0].get(key) for node in nodes):
            yield "optimizer" if key == "name" else f"optimizer.{key}"
