"""tl-run ls --stages: the finished stages that runs share, and the sizes and times of what is kept
beside the runs.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from rich.table import Table
from rich.text import Text

from tlrun.core.errors import Mistake, UserError, printable
from tlrun.report.console import make_console
from tlrun.store.entries import MANIFEST, Entry, entries
from tlrun.store.stages import HOME, describe_stage

COLUMNS = ("stage", "domains", "backbone", "seed", "steps", "s")  # what stage.json tells
NUMBERS = {"seed", "steps", "s", "size"}
FOLD = {"domains", "backbone"}  # on a narrow terminal
NARROW = 95  # columns below which the backbone is left out
OFF = ("none", None, False, 0)  # options of a backbone with these values change nothing
# what JSON of another shape may raise
BROKEN = (KeyError, TypeError, ValueError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Kept:
    """An entry as it was found. used: seconds since 1970; size: bytes of its files."""

    entry: Entry
    used: float
    size: int


def ls_stages(runs_dir: Path, others: Sequence[str]) -> int:
    """Print a table of the finished stages, the oldest use first. Returns the exit code. Raises
    UserError.
    """
    if others:
        expected = "--runs-dir PATH or nothing beside it"
        raise UserError(Mistake("ls --stages", expected, " ".join(others)))
    there = kept(runs_dir, HOME)
    if not there:
        none = f"no finished stages in {runs_dir / HOME} yet; a first one: tl-run strategy=structure_transfer"
        print(printable(none))
        return 0
    console = make_console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = [name for name in COLUMNS if name != "backbone" or console.width >= NARROW]
    for name in ("key", *columns, "size", "last used (UTC)"):
        justify: Literal["left", "right"] = "right" if name in NUMBERS else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=name not in FOLD)
    whole = 0
    for found in there:
        cells = _cells(found)
        whole += len(cells) > 1
        shown = [
            Text(printable(cells.get(name, "–")), style="" if len(cells) > 1 else "red")
            for name in columns
        ]
        table.add_row(
            Text(printable(found.entry.path.name)), *shown, size(found.size), utc(found.used)
        )
    console.print(table)
    rest = f" and {len(there) - whole} that are not whole" if whole < len(there) else ""
    told = f"{counted(whole, 'stage')}{rest}, {size(sum(found.size for found in there))} in {runs_dir / HOME}"
    free = command("clean --stages", runs_dir)
    console.print(Text(f"\n{printable(told)}. Free them: {printable(free)}"), soft_wrap=True)
    return 0


def kept(runs_dir: Path, home: str) -> list[Kept]:
    """The entries of a home, the oldest use first. Raises UserError where the folder cannot be
    read.
    """
    there: list[Kept] = []
    try:
        for entry in entries(runs_dir, home):
            with suppress(FileNotFoundError):  # it has gone, or has just been replaced
                there.append(Kept(entry, entry.used, size_of(entry.path)))
    except OSError as error:
        found = f"{runs_dir / home}: {error.strerror}"
        raise UserError(Mistake("runs_dir", "a folder that can be read", found)) from None
    return sorted(there, key=lambda one: (one.used, one.entry.path.name))


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder; symbolic links are not followed."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # it has gone
                total += os.lstat(os.path.join(path, name)).st_size  # noqa: PTH118  # os.walk has no paths
    return total


def size(count: float) -> str:
    """A number of bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def utc(seconds: float) -> str:
    """A time since 1970 for people; a dash for one that no calendar has."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
    except (OverflowError, ValueError, OSError):
        return "–"


def counted(count: int, what: str) -> str:
    """1 stage, 2 stages."""
    return f"{count} {what}{'s' * (count != 1)}"


def command(words: str, runs_dir: Path) -> str:
    """A command of tl-run on the same runs."""
    return f"tl-run {words}" + (
        "" if runs_dir == Path("runs") else f" --runs-dir {shlex.quote(str(runs_dir))}"
    )


def _cells(found: Kept) -> dict[str, str]:
    """What stands under COLUMNS; one cell, saying what is wrong, where the stage is not whole."""
    path = found.entry.path
    if not path.name.startswith(".") and (path / MANIFEST).is_file():
        with suppress(*BROKEN):
            content = describe_stage(found.entry) or {}
            domains = "+".join(_domain(domain["name"], domain) for domain in content["domains"])
            facts = (content["seed"], content["trainer"]["steps"], f"{content['seconds']:.1f}")
            told = (
                str(content["stage"]),
                domains,
                _backbone(content["backbone"]),
                *map(str, facts),
            )
            return dict(zip(COLUMNS, told, strict=True))
    if found.entry.held:
        return {"stage": "being made"}
    return {"stage": "half-written" if path.name.startswith(".") else "damaged"}


def _domain(name: str, domain: Mapping[str, Any]) -> str:
    tasks = len(domain["tasks"])
    return name if tasks == 1 else f"{name} ({tasks} tasks)"


def _backbone(told: Mapping[str, Any]) -> str:
    """Its class, its lists and words, and its numbers by name: conv 32,64 batch."""
    words = [str(told["name"])]
    for name, value in told.items():
        if name == "name" or value in OFF:
            continue
        if isinstance(value, list):
            words.append(",".join(map(str, value)))
        else:
            words.append(
                value if isinstance(value, str) else name if value is True else f"{name} {value}"
            )
    return " ".join(words)
