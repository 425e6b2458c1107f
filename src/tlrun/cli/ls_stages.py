"""tl-run ls --stages: the finished stages that runs share; sizes and times of what is kept."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from tlrun.core.errors import Mistake, UserError, printable
from tlrun.report.amounts import counted, size
from tlrun.report.console import make_console
from tlrun.store.entries import MANIFEST, Entry, entries
from tlrun.store.stages import HOME, describe_stage

COLUMNS = ("stage", "domains", "backbone", "seed", "steps", "s")  # from stage.json
NUMBERS = {"seed", "steps", "s", "size"}
FOLD = {"domains", "backbone"}  # on a narrow terminal
NARROW = 95  # columns below which the backbone is left out
OFF = ("none", None, False, 0)  # options of a backbone with these values change nothing
# what JSON of another shape may raise
BROKEN = (KeyError, TypeError, ValueError, AttributeError, RecursionError)


@dataclass(frozen=True)
class Kept:
    """An entry at one moment. used: its last use, seconds since 1970; size: bytes of its files."""

    entry: Entry
    used: float
    size: int


def ls_stages(runs_dir: Path, others: Sequence[str]) -> int:
    """Print a table of the finished stages, the oldest use first. Returns the exit code.

    others: what else was typed. Raises UserError where that is anything, or where the folder cannot
    be read.
    """
    if others:
        expected = "--runs-dir PATH or nothing beside it"
        raise UserError(Mistake("ls --stages", expected, " ".join(others)))
    existing = kept(runs_dir, HOME)
    if not existing:
        none = f"no finished stages in {runs_dir / HOME} yet"
        print(printable(f"{none}; a first one: tl-run strategy=structure_transfer"))
        return 0
    console = make_console()
    columns = list(COLUMNS)
    if console.width < NARROW:
        columns.remove("backbone")
    cells = [_cells(stage) for stage in existing]
    console.print(_table(existing, cells, columns))
    whole = sum(map(_is_whole, cells))
    counts = counted(whole, "stage")
    if whole < len(cells):
        counts += f" and {len(cells) - whole} that are not whole"
    total = size(sum(stage.size for stage in existing))
    summary = f"{counts}, {total} in {runs_dir / HOME}"
    free = command("clean --stages", runs_dir)
    console.print(Text(f"\n{printable(summary)}. Free them: {printable(free)}"), soft_wrap=True)
    return 0


def _table(
    existing: Sequence[Kept], cells: Sequence[Mapping[str, str]], columns: Sequence[str]
) -> Table:
    """A row a stage. cells: of each what stands under `columns`; one that is not whole is red."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("key", *columns, "size", "last used (UTC)"):
        justify: JustifyMethod = "right" if name in NUMBERS else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=name not in FOLD)
    for stage, row in zip(existing, cells, strict=True):
        style = "" if _is_whole(row) else "red"
        shown = [Text(printable(row.get(name, "–")), style=style) for name in columns]
        key = Text(printable(stage.entry.path.name))
        table.add_row(key, *shown, size(stage.size), utc(stage.used))
    return table


def _is_whole(cells: Mapping[str, str]) -> bool:
    return len(cells) > 1


def kept(runs_dir: Path, home: str) -> list[Kept]:
    """The entries below `runs_dir` in the folder `home`, the oldest use first.

    Raises UserError where the folder cannot be read.
    """
    existing: list[Kept] = []
    try:
        for entry in entries(runs_dir, home):
            with suppress(FileNotFoundError):  # it has gone, or has just been replaced
                existing.append(Kept(entry, entry.used, size_of(entry.path)))
    except OSError as error:
        found = f"{runs_dir / home}: {error.strerror}"
        raise UserError(Mistake("runs_dir", "a folder that can be read", found)) from None
    return sorted(existing, key=lambda one: (one.used, one.entry.path.name))


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder; symbolic links are not followed."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # it has gone
                total += os.lstat(os.path.join(path, name)).st_size  # noqa: PTH118  # os.walk has no paths
    return total


def utc(seconds: float) -> str:
    """A time since 1970 for people; a dash for one that no calendar has."""
    try:
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M}"
    except (OverflowError, ValueError, OSError):
        return "–"


def command(words: str, runs_dir: Path) -> str:
    """A command of tl-run on the same runs."""
    if runs_dir == Path("runs"):
        return f"tl-run {words}"
    return f"tl-run {words} --runs-dir {shlex.quote(str(runs_dir))}"


def _cells(stage: Kept) -> dict[str, str]:
    """What stands under COLUMNS; one cell, saying what is wrong, where the stage is not whole."""
    path = stage.entry.path
    half_written = path.name.startswith(".")
    if not half_written and (path / MANIFEST).is_file():
        with suppress(*BROKEN):
            content = describe_stage(stage.entry) or {}
            cells = {
                "stage": str(content["stage"]),
                "domains": "+".join(
                    _domain(domain["name"], domain) for domain in content["domains"]
                ),
                "backbone": _backbone(content["backbone"]),
                "s": f"{content['seconds']:.1f}",
            }
            if content["domains"]:
                return cells | {
                    "seed": str(content["seed"]),
                    "steps": str(content["trainer"]["steps"]),
                }
            del cells["domains"]  # pretrained weights, which no domain and no seed has trained
            return cells
    if stage.entry.held:
        return {"stage": "being made"}
    if stage.entry.path.name.endswith(".checkpoints"):
        return {"stage": "checkpoints"}
    return {"stage": "half-written" if half_written else "damaged"}


def _domain(name: str, domain: Mapping[str, Any]) -> str:
    tasks = len(domain["tasks"])
    return name if tasks == 1 else f"{name} ({tasks} tasks)"


def _backbone(node: Mapping[str, Any]) -> str:
    """A backbone's name, its lists and words, and its numbers by name: conv 32,64 batch."""
    words = [str(node["name"])]
    for name, value in node.items():
        if name == "name" or value in OFF:
            continue
        if isinstance(value, list):
            words.append(",".join(map(str, value)))
        elif isinstance(value, str):
            words.append(value[:12] if name == "weights" else value)  # a digest
        elif value is True:
            words.append(name)
        else:
            words.append(f"{name} {value}")
    return " ".join(words)
