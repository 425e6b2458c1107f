"""The closing table of one run and its controls: the answer, a row a setting, what comes next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tlrun.core.errors import SMALLER_LR, printable
from tlrun.core.metrics import TARGET, metric_of
from tlrun.report.answer import DIVERGED
from tlrun.report.console import WIDE, link
from tlrun.report.formatting import number, with_unit
from tlrun.report.relations import plain_text
from tlrun.report.render.room import LONG_WORD, fits
from tlrun.report.run_answer import called, main_control, run_answer
from tlrun.report.sizes import SIZE_LEGEND, largest, size_cells
from tlrun.report.task_gains import difference, tasks_up
from tlrun.report.tasks import run_tasks
from tlrun.report.tested import every_metric, on_examples, small_tests
from tlrun.runs.outcome import Outcome

BEST, ASKED = "*", ">"  # marks of rows
MOST_DOMAINS = 4  # whose labels are listed one by one
LEFT = {"", "run", "path"}  # columns of words; the others hold numbers
FOLDED = {"run", "path"}  # columns whose words may be folded; no number is
COST = ("labels", "s")  # what is left out where it does not fit
HEAD = 12  # columns of a head, less where its words are shorter
LAM = {
    True: "λ: the weight of the target's loss; 0 is the source alone, ∞ the target alone.",
    False: "λ: the weight of the term by which the tasks act on one another; 0 is none.",
}


def run_table(outcomes: Sequence[Outcome], console: Console, wide: bool = False) -> RenderableType:
    """One run and its controls: which is best, by how much, and on how many test examples.

    outcomes: the run, then its controls. wide: what each cost and weighs, every metric, where the
    runs are and what the columns mean, too.
    """
    this = outcomes[0]
    parts: list[RenderableType] = [
        Text(printable(run_answer(outcomes)), style="bold"),
        Text(""),
        _table(outcomes, console.width, wide),
        *_marks(outcomes),
        *run_tasks(outcomes, console.width, wide),
        Text(""),
        *map(Text, every_metric(this) if wide else _tested(this)),
        *(Text(line, style="yellow") for line in small_tests(outcomes[:1])),
    ]
    for outcome in outcomes:
        if outcome.diverged:
            far = f"{called(outcome)} diverged: {outcome.how_far or SMALLER_LR}"
            parts.append(Text(printable(far), style="bold red"))
        if outcome.differs:
            elsewhere = f"{outcome.name}: made elsewhere ({outcome.differs})"
            parts.append(Text(printable(elsewhere), style="yellow"))
    parts += _more(outcomes, console.width) if wide else _where(this)
    return Group(*parts)


def _table(outcomes: Sequence[Outcome], width: int, wide: bool) -> Table:
    """A row a run, the best first. width: columns of the terminal."""
    dense = largest(outcomes) if wide and width >= WIDE else {}
    rows = [_cells(outcome, outcomes, dense) for outcome in ordered(outcomes)]
    if not any(outcome.lam_label for outcome in outcomes):
        rows = [_without(row, "λ") for row in rows]
    if wide and width >= WIDE:
        for row, outcome in zip(rows, ordered(outcomes), strict=True):
            row["path"] = link(outcome.path)
    if not wide:
        rows = [_without(row, "steps", "examples") for row in rows]
    for left_out in ((), ("examples",), ("examples", "steps"), ("examples", "steps", *COST)):
        table = _filled([_without(row, *left_out) for row in rows])
        if fits(table, width):
            break
    return table


def _filled(rows: Sequence[Mapping[str, Text]]) -> Table:
    """A table of rows, each by the heads of its columns."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for head in rows[0]:
        content = max(row[head].cell_len for row in rows)
        lines = wrap(head, max(content, HEAD)) if head not in FOLDED else [head]
        words = [word for row in rows for word in row[head].plain.split()]
        table.add_column(
            "\n".join(lines),
            min_width=min(max(map(len, words), default=0), LONG_WORD) if head == "run" else None,
            justify="left" if head in LEFT else "right",
            no_wrap=head not in FOLDED,
            overflow="fold",
        )
    for row in rows:
        table.add_row(*row.values())
    return table


def _without(row: Mapping[str, Text], *heads: str) -> dict[str, Text]:
    return {head: cell for head, cell in row.items() if head not in heads}


def _cells(
    outcome: Outcome, outcomes: Sequence[Outcome], dense: Mapping[str, int]
) -> dict[str, Text]:
    """What stands in the row of a run, by column. dense: as of `size_cells`."""
    result, this = outcome.result, outcomes[0]
    title, main = this.result["headline"]["name"], main_control(outcomes)
    style = "bold" if outcome is this else ""
    mark = (BEST if outcome in best_of(outcomes) else " ") + (ASKED if outcome is this else "")
    cells = {
        "": Text(mark.rstrip(), style="bold"),
        "run": plain_text(called(outcome) + f" ({DIVERGED})" * outcome.diverged),
        "λ": plain_text(outcome.lam_label.replace("inf", "∞") or "–"),
        with_unit(title): Text(number(title, result["headline"]["test"])),
    }
    if main is not None:
        cells[f"over {main.name}"] = _over(outcome, main, title)
    cells |= {
        "labels": Text(_labels(result["labels"])),
        "steps": Text(str(result["steps"] or "–")),
        "examples": Text(f"{result['examples']:,}" if result["examples"] else "–"),
        "s": Text("found" if outcome.found else f"{outcome.seconds:.1f}"),
    }
    cells |= {head: Text(cell) for head, cell in size_cells([outcome], dense).items()}
    for cell in cells.values():
        cell.stylize(style)
    return cells


def _over(outcome: Outcome, main: Outcome, title: str) -> Text:
    """The gain of a row over the main control; a dot in that one's own."""
    if outcome is main:
        return Text("·", style="dim")
    if metric_of(title) is None:
        return Text(tasks_up([(outcome, main)]))
    gain = difference(outcome, main)
    colour = "" if not gain else "green" if gain > 0 else "red"
    return Text(number(title, gain, signed=True), style=colour)


def best_of(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The runs of the best test score; none where there is one run, or nothing says which is."""
    sound = [outcome for outcome in outcomes if not outcome.diverged]
    known = [outcome for outcome in sound if difference(outcome, outcome) is not None]
    if len(known) < 2:
        return []
    return [one for one in known if all((difference(one, other) or 0) >= 0 for other in known)]


def ordered(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The best test score first, those without a score last; as they are where none can be told."""
    name = outcomes[0].result["headline"]["name"]
    metric = metric_of(name)
    if metric is None:
        return list(outcomes)

    def place(outcome: Outcome) -> tuple[bool, float]:
        score = outcome.result["headline"]["test"]
        if score is None:
            return True, 0.0
        return False, -score if metric.higher_is_better else score

    return sorted(outcomes, key=place)


def _marks(outcomes: Sequence[Outcome]) -> Iterator[Text]:
    """What the marks, the gain and λ mean."""
    if len(outcomes) == 1:
        return
    this, main = outcomes[0], main_control(outcomes)
    said = []
    if best_of(outcomes):
        said.append(f"{BEST} the best score, by this seed")
    said.append(f"{ASKED} the run you asked for")
    if main is not None and metric_of(this.result["headline"]["name"]) is None:
        said.append(f"over {main.name}: on how many tasks better than it")
    elif main is not None:
        said.append(f"over {main.name}: above 0 is better than it")
    yield plain_text("; ".join(said) + ".")
    if any(outcome.lam_label for outcome in outcomes):
        yield Text(LAM[this.result["headline"]["name"].startswith(TARGET)])


def _labels(labels: Mapping[str, int]) -> str:
    """Of each domain, or of all where they are many."""
    if len(labels) <= MOST_DOMAINS:
        return "+".join(map(str, labels.values()))
    return f"{sum(labels.values()):,}"


def _tested(this: Outcome) -> Iterator[str]:
    """On how many test examples the scores are, and whose labels were used."""
    labels = this.result["labels"]
    said = [*on_examples(this)]
    if 1 < len(labels) <= MOST_DOMAINS:
        said.append(printable(f"labels: {'+'.join(labels)}."))
    if said:
        yield " ".join(said)


def _where(this: Outcome) -> Iterator[Text]:
    """Where the runs are, in a line, and how to see the rest."""
    home = this.path.parent.parent
    words = f"Run folders: {home}/; this run: tl-run show {this.path.name[-12:]}; all: --wide"
    yield plain_text(words)


def _more(outcomes: Sequence[Outcome], width: int) -> Iterator[Text]:
    """What `wide` adds below the table: the columns in words, where the runs are, their sizes."""
    yield Text(_legend(outcomes))
    if width >= WIDE:
        return
    dense = largest(outcomes)
    for outcome in outcomes:
        yield Text.assemble(f"{outcome.name}: ", link(outcome.path))
        if dense:
            cells = size_cells([outcome], dense)
            yield Text("  " + ", ".join(f"{value} {head}" for head, value in cells.items()))


def _legend(outcomes: Sequence[Outcome]) -> str:
    """What the columns mean that the table has."""
    labels = outcomes[0].result["labels"]
    domains = "of all domains"
    if len(labels) <= MOST_DOMAINS:
        domains = "+".join(labels)
    legend = printable(f"labels: {domains}. ")
    legend += "examples: drawn in training, all domains together. s: seconds of training."
    if largest(outcomes):
        legend = f"{legend} {SIZE_LEGEND}"
    return legend
