"""The leaderboard of a study on a terminal: all gains beside each other, or below each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

from rich.table import Table
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.report.answer import Arm, Gain, Study
from tlrun.report.relations import plain_text
from tlrun.report.render.room import fits

STYLES = {"HELPS": "bold green", "HURTS": "bold red", "SAME": "bold", "UNCLEAR": "bold yellow"}
SHOWN = {"above": "green", "below": "red"}
BEST = "*"
LONG_WORD = 24  # columns: of an arm's name, no shorter word is cut in two


def leaderboard(study: Study, width: int) -> Table:
    """A row an arm, the highest score first, with its gains.

    width: of the terminal. Where not all fits beside each other, what a study has cost is left out,
    then the gains that no word rests on; the page and the files have all. Where these do not fit
    either, the gains of an arm stand below each other.
    """
    for columns, roomy in (
        (gain_columns(study), True),
        (gain_columns(study), False),
        (gain_columns(study, primary=True), False),
    ):
        table = _leaderboard(study, columns, roomy)
        if fits(table, width):
            return table
    return _narrow(study, gain_columns(study, primary=True))


def _narrow(study: Study, columns: Sequence[str]) -> Table:
    """The rows of each arm: what it is called beside its score and gains, one a row."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("arm", overflow="fold")
    table.add_column("", overflow="fold")
    table.add_column("", justify="right", no_wrap=True)
    for arm in study.arms:
        gains = {gain.over: gain for gain in arm.gains}
        figures = [(study.metric + _unit(study), Text(arm.score.text))]
        figures += [(f"over {name}", _gain(gains[name])) for name in columns if name in gains]
        for k, (name, figure) in enumerate(zip_longest(_called(arm), figures)):
            what, value = figure or ("", Text(""))
            mark = Text(BEST if arm.best and k == 0 else "")
            table.add_row(mark, name or Text(""), plain_text(what), value)
    return table


def _called(arm: Arm) -> Iterator[Text]:
    """What stands below each other in the first column of an arm."""
    yield plain_text(arm.label)
    if arm.role == "arm" and arm.lam != "–":
        yield plain_text(f"λ={arm.lam}")
    yield _word(arm)


def _leaderboard(study: Study, columns: Sequence[str], roomy: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    words = [word for arm in study.arms for word in printable(arm.label).split()]
    longest = max(map(len, words), default=3)
    table.add_column("arm", overflow="fold", min_width=min(longest, LONG_WORD))
    table.add_column("λ", overflow="fold")
    sizes = list(dict.fromkeys(head for arm in study.arms for head in arm.sizes)) if roomy else []
    heads = [study.metric + _unit(study), *(f"over {name}" for name in columns)]
    for head in heads:
        table.add_column(printable(head).replace(" ", "\n"), justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    if roomy:
        table.add_column("labels", justify="right", no_wrap=True)
        table.add_column("s", justify="right", no_wrap=True)
        for head in sizes:
            table.add_column(head, justify="right", no_wrap=True)
    for arm in study.arms:
        cells = _cells(arm, columns, roomy)
        table.add_row(*cells, *(arm.sizes.get(head, "–") for head in sizes))
    return table


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


def _cells(arm: Arm, columns: Sequence[str], roomy: bool) -> list[Text]:
    style = "" if arm.role == "arm" else "dim"
    cells = [
        Text(BEST if arm.best else ""),
        Text(printable(arm.label), style=style),
        plain_text(arm.lam),
        Text(arm.score.text, style=style),
    ]
    gains = {gain.over: gain for gain in arm.gains}
    cells += [_gain(gains.get(name)) for name in columns]
    cells.append(_word(arm))
    if roomy:
        cells.append(Text("–" if arm.labels is None else f"{arm.labels:,}"))
        cells.append(Text("–" if arm.seconds is None else f"{arm.seconds:.1f}"))
    return cells


def _word(arm: Arm) -> Text:
    return Text(arm.word or ("control" if arm.role != "arm" else "–"), STYLES.get(arm.word, "dim"))


def _unit(study: Study) -> str:
    return f" {study.unit}" if study.unit == "%" else ""


def _gain(gain: Gain | None) -> Text:
    if gain is None:
        return Text("·", style="dim")
    return Text(gain.figure.text, style=SHOWN.get(gain.shown, ""))
