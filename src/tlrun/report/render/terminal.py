"""A report on a terminal: the verdict, a row an arm and what they rest on; all of it when asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.data.load_report import FEW
from tlrun.report.answer import Chart, Figure, Matrix, OtherRun, Report, Study, TaskTable, Tested
from tlrun.report.formatting import FEWEST_OF_INTERVAL
from tlrun.report.page.tables import facts, intervals
from tlrun.report.relations import MANY, plain_text
from tlrun.report.render.curves import curve
from tlrun.report.render.figures import coloured
from tlrun.report.render.leaderboard import leaderboard, marks
from tlrun.report.render.next_command import folded, next_command
from tlrun.report.render.room import fits
from tlrun.report.statistics.verdict import FEWEST_SEEDS
from tlrun.report.study.versus import OPEN

GAINS = (
    "Gains over single_task, the same task learnt alone; Δm: their mean, relative, in %, its "
    "interval over seeds alone."
)


def terminal(report: Report, console: Console, wide: bool = False) -> RenderableType:
    """What is said of every study, the newest last, where a reader's eye is.

    In short the verdict, a row an arm, how many seeds and test examples there are, what a reader
    has to know before believing it, and the command. wide: everything.
    """
    parts: list[RenderableType] = []
    for study in reversed(report.studies):
        parts += [*_study(study, console.width, wide), Text("")]
    words = {arm.mark for study in report.studies for arm in study.arms}
    for word in (word for word in report.words if wide and word in words):
        parts.append(plain_text(f"{word}: {report.words[word]}"))
    return Group(*parts)


def verdict_lines(study: Study, wide: bool = True) -> list[Text]:
    """The verdict of a study and its further sentences; but wide, less what is not told apart."""
    lines = [Text(printable(study.verdict), style="bold")]
    return lines + [
        plain_text(sentence) for sentence in study.more if wide or not sentence.startswith(OPEN)
    ]


def _study(study: Study, width: int, wide: bool) -> Iterator[RenderableType]:
    yield Text(printable(study.question), style="dim")
    yield from verdict_lines(study, wide)
    yield Text("")
    yield leaderboard(study, width, wide)
    if said := marks(study):
        yield plain_text(said)
    for chart in study.charts:
        if chart.kind != "steps" and (wide or not _in_rows(chart, study)):
            yield Text("")
            yield curve(chart, width)
    for table in study.tasks:
        yield Text("")
        yield from _tasks(table, width, wide)
    for matrix in study.matrices if wide else ():
        yield Text("")
        yield from _matrix(matrix, width)
    yield Text("")
    yield from _facts(study) if wide else _basis(study)
    for sentence in (*study.deviations, *study.warnings):
        yield Text(printable(sentence), style="yellow")
    if study.others:
        yield from _others(study.others, wide)
    what, command = next_command(study)
    if command:
        yield plain_text(what)
        for line in folded(printable(command), width - 2):
            yield Padding(Text(line, style="bold", overflow="fold"), (0, 0, 0, 2))


def _in_rows(chart: Chart, study: Study) -> bool:
    """Whether the leaderboard has every point of a chart, each as an arm of its own."""
    rows = {(arm.label, arm.lam) for arm in study.arms}
    points = {(line.label, point.name) for line in chart.lines for point in line.points}
    return points <= rows


def _basis(study: Study) -> Iterator[Text]:
    """In a line or two what the figures rest on: seeds, test examples, what ± covers."""
    said = [f"{study.n} seed{'s' * (study.n != 1)}"]
    if study.tested:
        said.append(_examples(study.tested))
    line = f"{', '.join(said)}."
    if study.n < FEWEST_OF_INTERVAL:
        line += (
            f" Means alone: an interval takes {FEWEST_OF_INTERVAL} seeds, a verdict {FEWEST_SEEDS}."
        )
    else:
        line += f" {intervals(study)}"
    yield plain_text(line.rstrip())
    for name, text in study.cost:
        if name in ("tuning", "rates chosen"):  # without which no gain can be read
            yield plain_text(f"{name}: {text}")


def _examples(tested: Sequence[Tested]) -> str:
    """How many test examples there are, and of which classes, in few words."""
    counted = [f"{one.examples:,} test examples{_classes(one)}" for one in tested]
    if len(set(counted)) == 1:
        return counted[0] + " for each task" * (len(tested) > 1)
    if len(tested) > FEW:
        sizes = [one.examples for one in tested]
        return f"{min(sizes):,} to {max(sizes):,} test examples for each of {len(tested)} tasks"
    said = [f"{one.task} {one.examples:,}{_classes(one)}" for one in tested]
    return f"test examples: {'; '.join(said)}"


def _facts(study: Study) -> Iterator[RenderableType]:
    """What the figures rest on, in full."""
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


def _others(others: Sequence[OtherRun], wide: bool) -> Iterator[RenderableType]:
    """The runs that are in no figure: how many, by what became of them; wide: which."""
    if not wide:
        counts = Counter(other.status for other in others)
        said = ", ".join(f"{count} {status}" for status, count in counts.items())
        yield plain_text(f"Other runs of these data, in no figure above: {said}.")
        return
    yield plain_text(f"Listed apart, and in no figure above ({len(others)}):")
    for other in others[:MANY]:
        why = f" ({other.why})" if other.why else ""
        line = f"{other.status} {other.score} {other.path}{why}"
        yield Padding(plain_text(line), (0, 0, 0, 2))
    if len(others) > MANY:
        yield Padding(Text(f"and {len(others) - MANY} more"), (0, 0, 0, 2))


def _classes(tested: Tested) -> str:
    """How many test examples each class has; of many classes, the fewest and the most."""
    counts = tested.classes.values()
    if len(counts) > FEW:
        low, high = min(counts), max(counts)
        each = f"{low}" if low == high else f"{low} to {high}"
        return f" of {len(counts)} classes, {each} each"
    said = ", ".join(f"{count} of {name}" for name, count in tested.classes.items())
    return f" ({said})" if said else ""


def _tasks(table: TaskTable, width: int, wide: bool) -> Iterator[RenderableType]:
    """The gains of each setting, a column a task, or, in less room, a row a task; then the note.

    wide: the note in full.
    """
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
        gains = list(map(coloured, row.gains)) if listed else [plain_text(_counted(row.gains))]
        cells = [coloured(row.delta_m), *gains]
        grid.add_row(plain_text(row.label), plain_text(row.lam), *cells)
        called = row.label if row.lam == "–" else f"{row.label} λ={row.lam}"
        for k, (name, cell) in enumerate(zip(heads, cells, strict=True)):
            tall.add_row(plain_text(called if k == 0 else ""), plain_text(name), cell)
    yield grid if fits(grid, width) else tall
    yield plain_text(table.note if wide else GAINS)


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
