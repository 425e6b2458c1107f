"""tl-run final RUN: the sealed test rows, opened once, for one run and its controls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tlrun.cli.show import chosen
from tlrun.core.errors import Mistake, UserError, printable
from tlrun.report.console import link, make_console
from tlrun.report.formatting import number, with_unit
from tlrun.runs.final import FINAL, Asked, ask, found_before, open_once
from tlrun.store.found import FoundRun, below

USAGE = """\
tl-run final RUN [--dry-run] [--alone] [--runs-dir PATH]

Open the sealed test rows of a finished run, once, and score it and its controls
on them.

  RUN is its folder, or any part of its name that no other run has. Rows are
  sealed by dataset.sealed=0.3: no run ever sees them. They are opened for one
  run: another is refused then, the same one is shown what was found.
  --dry-run   say what would be opened, and open nothing
  --alone     without the controls of the run, which have to be finished
              otherwise"""
FLAGS = ("--dry-run", "--alone")


def final(arguments: Sequence[str]) -> int:
    """Open the sealed rows for one run, and print its scores and gains. Returns the exit code.

    Raises UserError where the arguments do not say which run, where the run has nothing to open,
    and where another run has opened it.
    """
    if {"--help", "-h"} & set(arguments):
        print(USAGE)
        return 0
    runs_dir, rest = below(arguments)
    wrong = [word for word in rest if word.startswith("-") and word not in FLAGS]
    named = [word for word in rest if not word.startswith("-")]
    if wrong:
        raise UserError(Mistake("final", f"one of {', '.join(FLAGS)}", wrong[0]))
    if len(named) != 1:
        hint = "see tl-run final --help, or tl-run ls"
        raise UserError(Mistake("final", "one run", str(len(named)), hint))
    found, console = chosen("final", named[0], runs_dir), make_console()
    console.print(link(found.run_dir.path))
    result = found_before(found)
    if result is not None:
        say(console, f"opened on {result.get('opened', '–')}; this is what was found then")
    else:
        asked = ask(found, controls="--alone" not in rest)
        for line in _what(asked, dry="--dry-run" in rest):
            say(console, line)
        if "--dry-run" in rest:
            return 0
        result = open_once(asked)
    _print(found, result, console)
    return 0


def say(console: Console, line: str) -> None:
    """Print a line in which names from outside may stand."""
    console.print(Text(printable(line)), soft_wrap=True)


def _what(asked: Asked, *, dry: bool) -> Iterator[str]:
    """What is opened, and for whom."""
    rows = ", ".join(f"{count} of {domain}" for domain, count in asked.counts.items())
    controls = "; ".join(filter(None, asked.arms))
    whom = f"this run and its controls ({controls})" if controls else "this run alone"
    yield f"{'would open' if dry else 'opens'} sealed test rows, once: {rows}; for {whom}"
    if asked.outside:
        yield f"left out, for they keep no network: {'; '.join(asked.outside)}"
    if asked.before is not None:
        yield f"this run opened them on {asked.before.opened}, and was stopped before it had scores"


def _print(found: FoundRun, result: Mapping[str, Any], console: Console) -> None:
    """What final.json says. Raises UserError where it does not say it."""
    try:
        table = _table(result)
    except (KeyError, TypeError, AttributeError) as error:
        what = f"{found.run_dir.path / FINAL}: {type(error).__name__}"
        raise UserError(Mistake("final", "what was found before", what)) from None
    console.print()
    console.print(table)
    console.print()
    say(console, f"kept in {found.run_dir.path / FINAL}")


def _table(result: Mapping[str, Any]) -> Table:
    """Score and gain of every arm: on each task that is compared, and their mean where several."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    tasks: Mapping[str, str] = result["tasks"]
    name = result["headline"]["name"]
    for column in ("run", "on"):
        table.add_column(column)
    for column in ("score", "gain", "rows that differ"):
        table.add_column(column, justify="right")
    arms = {"this run": result, **result["controls"]}
    if len(tasks) > 1 and result["headline"]["test"] is not None:
        for arm, said in arms.items():
            scores = number(name, said["headline"]["test"])
            gain = number(name, said["gain"], signed=True) if "gain" in said else ""
            table.add_row(printable(arm), with_unit(name), scores, gain, "")
    for key, metric in tasks.items():
        for arm, said in arms.items():
            on = printable(f"{key} {with_unit(metric)}")
            score = number(metric, said["metrics"].get(key, {}).get(metric))
            gain = differ = ""
            if "gain" in said:
                of_task = said["tasks"].get(key, {})
                gain = number(metric, of_task.get("gain"), signed=True)
                differ = f"{of_task.get('differing', '–')} of {result['tested'][key]['labels']}"
            table.add_row(printable(arm), on, score, gain, differ)
    return table
