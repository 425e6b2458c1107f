"""The leaderboard of a study on a terminal: all gains beside each other, or below each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from textwrap import wrap

from rich.table import Table
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.report.answer import DIVERGED, Arm, Gain, Study
from tlrun.report.formatting import FEWEST_OF_INTERVAL
from tlrun.report.relations import plain_text
from tlrun.report.render.figures import shown
from tlrun.report.render.room import BETWEEN, LONG_WORD, fits
from tlrun.report.statistics.verdict import FEWEST_SEEDS

STYLES = {
    "HELPS": "bold green", "HURTS": "bold red", "SAME": "bold", "UNCLEAR": "bold yellow",
    DIVERGED: "bold red",
}  # fmt: skip
SHOWN = {"above": "green", "below": "red"}
BEST = "*"


def leaderboard(study: Study, width: int, wide: bool = False) -> Table:
    """A row an arm, the highest score first, with its gains.

    width: of the terminal. wide: what networks weigh, too. Where not all fits beside each other,
    what a study has cost is left out, then the gains that no word rests on, then room between the
    columns; the page and the files have all. Where the rest does not fit either, the gains of an
    arm stand below each other.
    """
    every, primary = gain_columns(study), gain_columns(study, primary=True)
    forms = [
        _Form(every, roomy=True, sizes=wide),
        _Form(every),
        _Form(primary),
        _Form(primary, between=1),
        _Form(primary, between=1, head=0),
    ]
    for form in forms:
        table = _leaderboard(study, form)
        if fits(table, width, form.between):
            return table
    return _narrow(study, primary)


@dataclass(frozen=True)
class _Form:
    """How much a leaderboard shows. columns: the controls that gains are over.

    roomy: what an arm has cost. sizes: what its network weighs. between: columns of the terminal
    between two of the table. head: how wide a head may be before it takes another line.
    """

    columns: Sequence[str]
    roomy: bool = False
    sizes: bool = False
    between: int = BETWEEN
    head: int = 13


def _narrow(study: Study, columns: Sequence[str]) -> Table:
    """The rows of each arm: what it is called beside its score and gains, one a row."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("arm", overflow="fold")
    table.add_column("", overflow="fold")
    table.add_column("", justify="right", no_wrap=True)
    for arm in study.arms:
        gains = {gain.over: gain for gain in arm.gains}
        figures = [(study.metric + _unit(study), Text(shown(arm.score)))]
        figures += [(f"over {name}", _gain(gains[name])) for name in columns if name in gains]
        for k, (name, figure) in enumerate(zip_longest(_called(arm), figures)):
            what, value = figure or ("", Text(""))
            mark = Text(BEST if k == 0 and is_best(arm, study) else "")
            table.add_row(mark, name or Text(""), plain_text(what), value)
    return table


def _called(arm: Arm) -> Iterator[Text]:
    """What stands below each other in the first column of an arm."""
    yield plain_text(arm.label)
    if arm.role == "arm" and arm.lam != "–":
        yield plain_text(f"λ={arm.lam}")
    yield _word(arm)


def _leaderboard(study: Study, form: _Form) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, form.between, 0, 0))
    table.add_column("")
    words = [word for arm in study.arms for word in printable(arm.label).split()]
    longest = max(map(len, words), default=3)
    table.add_column("arm", overflow="fold", min_width=min(longest, LONG_WORD))
    table.add_column("λ", overflow="fold")
    sizes: list[str] = []
    if form.sizes:
        sizes = list(dict.fromkeys(head for arm in study.arms for head in arm.sizes))
    rows = [_cells(arm, study, form) for arm in study.arms]
    heads = [study.metric + _unit(study), *(f"over {name}" for name in form.columns)]
    for place, head in enumerate(heads, start=3):
        content = max(row[place].cell_len for row in rows)
        table.add_column(_head(head, max(content, form.head)), justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    if form.roomy:
        table.add_column("labels", justify="right", no_wrap=True)
        table.add_column("s", justify="right", no_wrap=True)
    for head in sizes:
        table.add_column(head, justify="right", no_wrap=True)
    for arm, cells in zip(study.arms, rows, strict=True):
        table.add_row(*cells, *(arm.sizes.get(head, "–") for head in sizes))
    return table


def _head(words: str, width: int) -> str:
    """The head of a column in lines of so many columns; no word is cut."""
    return "\n".join(wrap(printable(words), width, break_long_words=False))


def gain_columns(study: Study, primary: bool = False) -> list[str]:
    """The controls that any arm has a gain over, as its strategy orders them.

    primary: of these, the decisive ones.
    """
    columns: dict[str, None] = {}
    for arm in sorted(study.arms, key=lambda arm: arm.role != "arm"):  # a control lacks itself
        for gain in arm.gains:
            if gain.primary or not primary:
                columns[gain.over] = None
    return list(columns)


def is_best(arm: Arm, study: Study) -> bool:
    """Whether a row is marked: below the seeds that a word takes, where no mean score is better."""
    if study.n >= FEWEST_SEEDS:
        return arm.best
    sound = [one for one in study.arms if not one.diverged]
    scores = [one.score.value for one in sound if one.score.value is not None]
    top = max(scores, default=None) if study.better == "higher" else min(scores, default=None)
    return len(scores) > 1 and not arm.diverged and arm.score.value == top


def marks(study: Study) -> str:
    """What the order of the rows and their mark say; empty where no row is marked."""
    if not any(is_best(arm, study) for arm in study.arms):
        return ""
    if study.n < FEWEST_SEEDS:
        return f"{BEST} the best mean score; the best score first."
    several = "the best score, or not shown to be worse than it with all rows compared at once"
    return f"{BEST} {several}; the best score first."


def _cells(arm: Arm, study: Study, form: _Form) -> list[Text]:
    style = "" if arm.role == "arm" else "dim"
    cells = [
        Text(BEST if is_best(arm, study) else ""),
        Text(printable(arm.label), style=style),
        plain_text(arm.lam),
        Text(shown(arm.score), style=style),
    ]
    gains = {gain.over: gain for gain in arm.gains}
    cells += [_gain(gains.get(name)) for name in form.columns]
    cells.append(_word(arm))
    if form.roomy:
        cells.append(Text("–" if arm.labels is None else f"{arm.labels:,}"))
        cells.append(Text("–" if arm.seconds is None else f"{arm.seconds:.1f}"))
    return cells


def _word(arm: Arm) -> Text:
    return Text(arm.mark or ("control" if arm.role != "arm" else "–"), STYLES.get(arm.mark, "dim"))


def _unit(study: Study) -> str:
    return f" {study.unit}" if study.unit == "%" else ""


def _gain(gain: Gain | None) -> Text:
    if gain is None:
        return Text("·", style="dim")
    known = gain.figure.n >= FEWEST_OF_INTERVAL
    return Text(shown(gain.figure), style=SHOWN.get(gain.shown, "") if known else "")
