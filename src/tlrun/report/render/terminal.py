"""A report on a terminal: the verdict first, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.data.load_report import FEW
from tlrun.report.answer import Figure, Matrix, Report, Study, TaskTable, Tested
from tlrun.report.page.tables import facts, intervals
from tlrun.report.relations import MANY, plain_text
from tlrun.report.render.curves import curve
from tlrun.report.render.leaderboard import BEST, leaderboard
from tlrun.report.render.room import fits


def terminal(report: Report, console: Console) -> RenderableType:
    """Everything that is said of every study, the newest last, where a reader's eye is."""
    parts: list[RenderableType] = []
    for study in reversed(report.studies):
        parts += [*_study(study, console.width), Text("")]
    words = {arm.word for study in report.studies for arm in study.arms if arm.word}
    for word in (word for word in report.words if word in words):
        parts.append(plain_text(f"{word}: {report.words[word]}"))
    return Group(*parts)


def verdict_lines(study: Study) -> list[Text]:
    """The verdict of a study and its further sentences."""
    lines = [Text(printable(study.verdict), style="bold")]
    return lines + [plain_text(sentence) for sentence in study.more]


def _study(study: Study, width: int) -> Iterator[RenderableType]:
    yield Text(printable(study.question), style="dim")
    yield from verdict_lines(study)
    yield Text("")
    yield leaderboard(study, width)
    if any(arm.best for arm in study.arms):
        yield plain_text(f"{BEST} not shown to be worse than the best")
    for chart in study.charts:
        if chart.kind != "steps":
            yield Text("")
            yield curve(chart, width)
    for table in study.tasks:
        yield Text("")
        yield from _tasks(table, width)
    for matrix in study.matrices:
        yield Text("")
        yield from _matrix(matrix, width)
    yield Text("")
    yield from _facts(study)


def _facts(study: Study) -> Iterator[RenderableType]:
    """What the figures rest on, and what a reader has to know."""
    yield plain_text(f"{facts(study)} {intervals(study)}".rstrip())
    yield plain_text(study.scope)
    if study.tested:
        said = []
        for tested in study.tested[:MANY]:
            said += [f"{tested.task} on {tested.examples:,}{_classes(tested)}"]
        more = len(study.tested) - MANY
        yield plain_text(f"Test examples: {'; '.join(said)}{f'; and {more} more' * (more > 0)}.")
    for name, text in study.cost:
        yield plain_text(f"{name}: {text}")
    for sentence in (*study.deviations, *study.warnings):
        yield Text(printable(sentence), style="yellow")
    if study.others:
        yield plain_text(f"Listed apart, and in no figure above ({len(study.others)}):")
        for other in study.others[:MANY]:
            why = f" ({other.why})" if other.why else ""
            line = f"{other.status} {other.score} {other.path}{why}"
            yield Padding(plain_text(line), (0, 0, 0, 2))
        if len(study.others) > MANY:
            yield Padding(Text(f"and {len(study.others) - MANY} more"), (0, 0, 0, 2))
    if study.command:
        yield plain_text("Again:")
        yield Padding(Text(printable(study.command), style="bold", overflow="fold"), (0, 0, 0, 2))


def _classes(tested: Tested) -> str:
    """How many test examples each class has; of many classes, the fewest and the most."""
    counts = tested.classes.values()
    if len(counts) > FEW:
        low, high = min(counts), max(counts)
        each = f"{low}" if low == high else f"{low} to {high}"
        return f" of {len(counts)} classes, {each} each"
    said = ", ".join(f"{count} of {name}" for name, count in tested.classes.items())
    return f" ({said})" if said else ""


def _tasks(table: TaskTable, width: int) -> Iterator[RenderableType]:
    """The gains of each setting, a column a task, or, in less room, a row a task; then the note."""
    listed = table.tasks if len(table.tasks) <= MANY else ()
    grid = Table(box=None, pad_edge=False, header_style="bold")
    grid.add_column("setting", overflow="fold")
    heads = ("Δm %", *(listed or ("tasks",)))
    for name in ("λ", *heads):
        grid.add_column(plain_text(name), justify="right", no_wrap=name != "λ", overflow="fold")
    tall = Table(box=None, pad_edge=False, header_style="bold")
    tall.add_column("setting", overflow="fold")
    tall.add_column("", overflow="fold")
    tall.add_column("", justify="right", no_wrap=True)
    for row in table.rows:
        gains = [figure.text for figure in row.gains] if listed else [_counted(row.gains)]
        cells = [plain_text(text) for text in (row.delta_m.text, *gains)]
        grid.add_row(plain_text(row.label), plain_text(row.lam), *cells)
        called = row.label if row.lam == "–" else f"{row.label} λ={row.lam}"
        for k, (name, cell) in enumerate(zip(heads, cells, strict=True)):
            tall.add_row(plain_text(called if k == 0 else ""), plain_text(name), cell)
    yield grid if fits(grid, width) else tall
    yield plain_text(table.note)


def _counted(gains: Sequence[Figure]) -> str:
    """Many tasks in a cell: of how many the interval of the gain lies above 0, and below."""
    up = sum(gain.low is not None and gain.low > 0 for gain in gains)
    down = sum(gain.high is not None and gain.high < 0 for gain in gains)
    return f"{up} of {len(gains)} up, {down} down, by their intervals"


def _matrix(matrix: Matrix, width: int) -> Iterator[RenderableType]:
    yield plain_text(matrix.title)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", overflow="fold")
    for name in matrix.names:
        table.add_column(plain_text(name), justify="right", no_wrap=True)
    for name, row in zip(matrix.names, matrix.entries, strict=True):
        table.add_row(plain_text(name), *(f"{value:.3f}" for value in row))
    if len(matrix.names) > MANY or not fits(table, width):
        yield Text(f"{len(matrix.names)} tasks: the matrix is in the page and in --json")
    else:
        yield table
