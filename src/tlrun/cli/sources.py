"""tl-run sources: which source to take for a target, said before any transfer is trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tlrun.cli.command_line import command_line, override
from tlrun.core.errors import Mistake, UserError, nearest, printable
from tlrun.core.paths import own_path
from tlrun.report.console import make_console

if TYPE_CHECKING:
    from tlrun.config.preflight import Request
    from tlrun.selection.source_basis import Basis
    from tlrun.selection.source_ranking import By, Ranking, Source

USAGE = """\
tl-run sources [key=value …] [--by SCORE] [--config-dir FOLDER]

Rank the candidate sources of a target, best first, before any transfer is
trained; no test row is looked at. Keys are those of a run, as in
  tl-run sources dataset=digits_domains dataset.target=noise

  --by likelihood   the log-likelihood of the target's labels, for training and
                    validation, under the model of each source, untouched. It
                    ranks where all have the target's label space. A source is
                    trained as transfers from it do, which find it then.
  --by features     how far apart the means of the inputs of source and target
                    are. It ranks where a label space differs."""
SCORES = ("likelihood", "features")
NAMES = {"likelihood": "log-likelihood", "features": "distance"}  # of their columns


class _Words(NamedTuple):
    """What a command line says. by: a score, or nothing; flags: those of the next command."""

    settings: list[str]
    by: str
    folder: Path | None
    flags: list[str]


def sources(arguments: Sequence[str]) -> int:
    """Rank the sources of a target, and print it. Returns the exit code.

    Raises UserError for a mistake, with nothing trained.
    """
    if {"--help", "-h"} & set(arguments):
        print(USAGE)
        return 0
    words = _words(arguments)
    request = _request(words)
    from tlrun.cli.session import say_failed
    from tlrun.report.progress_run import LiveScreen
    from tlrun.runs.remembered import ProblemCache
    from tlrun.selection.source_history import measured
    from tlrun.selection.source_ranking import rank

    console = make_console()
    screen, problems, run = LiveScreen(console), ProblemCache(), request.jobs[0].run
    try:
        ranking = rank(run, cast("By | None", words.by or None), problems, screen)
        basis = measured(run, ranking.by, problems, screen)
    except Exception as error:  # noqa: BLE001  # planning calls into plug-ins, which raise what they like
        return say_failed(error)
    _print(ranking, basis, console)
    _say(console, "\nWith its controls, the model of the source is found:")
    key = f"dataset.{ranking.chosen[0]}"
    kept = [word for word in request.typed if word.lstrip("+").partition("=")[0] != key]
    command = ["tl-run", *words.flags, *kept, override(key, ranking.chosen[1])]
    console.print(Text(f"  {printable(command_line(command))}", style="bold"), soft_wrap=True)
    return 0


def _words(arguments: Sequence[str]) -> _Words:
    """The command line, its flags apart. Raises UserError for one that there is not."""
    rest, found = list(arguments), {"--by": "", "--config-dir": ""}
    settings = []
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        if flag == "--runs-dir":
            settings.append(override("runs_dir", value if equals else "".join(rest[:1])))
            rest = rest if equals else rest[1:]
        elif flag in found:
            if not (value or rest):
                expected = " or ".join(SCORES) if flag == "--by" else "a folder"
                raise UserError(Mistake(flag, expected, "nothing"))
            found[flag] = value if equals else rest.pop(0)
        elif word.startswith("-"):
            raise UserError(Mistake("sources", f"key=value, {' or '.join(found)}", word))
        else:
            settings.append(word)
    if found["--by"] and found["--by"] not in SCORES:
        raise UserError(Mistake("--by", "a score", found["--by"], nearest(found["--by"], SCORES)))
    folder = found["--config-dir"]
    flags = ["--config-dir", folder] if folder else []
    own = own_path(folder, "--config-dir") if folder else None
    return _Words(settings, found["--by"], own, flags)


def _request(words: _Words) -> Request:
    """The config, checked as that of one run is. Raises UserError."""
    from tlrun.cli.mistyped import check_words
    from tlrun.cli.subcommands import SUBCOMMANDS
    from tlrun.config.overrides import rewrite
    from tlrun.config.preflight import preflight
    from tlrun.config.user_folder import check_folder
    from tlrun.store.room import check_writable

    settings = [rewrite(word) for word in words.settings]
    check_words(settings, SUBCOMMANDS)
    for word in settings:
        if word.startswith("seeds="):
            found = word.removeprefix("seeds=")
            hint = "a ranking is of one draw of labels, as seed=3"
            raise UserError(Mistake("seeds", "seed=N instead", found, hint))
    if words.folder is not None:
        check_folder(words.folder)
    request = preflight(settings, multirun=False, folder=words.folder)
    if request.multirun:
        raise UserError(Mistake("tune.lr", "null, to rank sources", "trials of learning rates"))
    check_writable(request.jobs[0].run.runs_folder)
    return request


def _print(ranking: Ranking, basis: Basis, console: Console) -> None:
    """The answer, the candidates, and what the runs that are there say of the score."""
    console.print()
    console.print(Text(printable(_answer(ranking)), style="bold"), soft_wrap=True)
    console.print()
    console.print(_table(ranking))
    console.print()
    for name, why in ranking.left_out.items():
        _say(console, f"left out: {name}: {why}")
    for line in basis.lines:
        _say(console, line)


def _answer(ranking: Ranking) -> str:
    """The sentence that answers."""
    best, count = ranking.sources[0], len(ranking.sources)
    why = "the means of its inputs lie nearest to the target's"
    if ranking.by == "likelihood":
        labels = f"the {ranking.labels} labels of {ranking.target}"
        why = f"its model gives {labels} the highest likelihood"
    return f"take {best.name} as the source: of {count} candidates, {why}"


def _table(ranking: Ranking) -> Table:
    """The candidates, best first."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("source", overflow="fold")
    for name in (*NAMES.values(), "labels"):
        table.add_column(name, justify="right")
    for source in ranking.sources:
        table.add_row(printable(source.name), *_cells(source))
    return table


def _cells(source: Source) -> Iterator[str]:
    yield "–" if source.likelihood is None else f"{source.likelihood:.3f}"
    yield f"{source.distance:.3f}"
    yield str(source.labels)


def _say(console: Console, line: str) -> None:
    console.print(Text(printable(line) if line.strip() == line else line), soft_wrap=True)
