"""tl-run ls: the runs so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from tlrun.cli.doctor_folders import no_folders
from tlrun.cli.kept_settings import differing, flat, plain, read_config, unquoted
from tlrun.cli.ls_stages import command, ls_stages
from tlrun.cli.ls_sweeps import ls_sweeps
from tlrun.core.errors import Mistake, UserError, nearest, printable
from tlrun.report.amounts import counted
from tlrun.report.answer import DIVERGED
from tlrun.report.console import WIDE, link, make_console
from tlrun.report.formatting import number
from tlrun.runs.has_diverged import has_diverged
from tlrun.store.found import FoundRun, below, runs
from tlrun.store.studydir import HOME as STUDIES

USAGE = """\
tl-run ls [KEY=VALUE …] [--all] [--runs-dir PATH]   the runs so far, latest last

  tl-run ls status=failed        finished, diverged, inexact (gone on with under
                                 another fingerprint), failed, interrupted,
                                 running, stopped (its process is gone),
                                 damaged (its result is)
  tl-run ls strategy=scratch seed=0    any key of a run's config, such as
                                 lam.value=inf or dataset.shift=noise
  tl-run ls --all                all of them, not the last {last}
  tl-run ls --sweeps             the studies of sweeps, and how far each is
  tl-run ls --stages             the finished stages that runs share, the oldest
                                 use first

  settings: what the runs that are listed do not share"""
LAST = 30
COLUMNS = ("status", "run", "settings", "test", "s", "started (UTC)")
# of those that are not folded the columns of a terminal, with what is between
FIXED = {"status": 11, "test": 9, "s": 9, "started (UTC)": 18}
SETTINGS = 24  # columns of a terminal in which settings are folded, before others are left out
DROPPED = ("s", "started (UTC)")  # where there is no room, in this order
INEXACT = "inexact"
BAD = ("failed", "stopped", "damaged")
OWN = ("status", "path")  # what can be asked for beside the keys of a config


def ls(arguments: Sequence[str]) -> int:
    """Print a table of the runs that fit, or of the stages (--stages). Returns the exit code.

    Raises UserError for what cannot be asked.
    """
    if {"--help", "-h"} & set(arguments):
        print(USAGE.format(last=LAST))
        return 0
    runs_dir, others = below(arguments)
    if "--stages" in others:
        return ls_stages(runs_dir, [argument for argument in others if argument != "--stages"])
    if "--sweeps" in others:
        return ls_sweeps(runs_dir, [argument for argument in others if argument != "--sweeps"])
    everything, wanted = _asked(others)
    existing = list(runs(runs_dir))
    chosen = fitting("ls", existing, wanted)
    if not chosen:
        print(printable(_nothing(runs_dir, len(existing), wanted)))
        return 0
    shown = chosen if everything else chosen[-LAST:]
    console = make_console()
    console.print(_table(shown, console.width))
    counts = f"{len(chosen)} runs"
    if len(shown) < len(chosen):
        counts = f"{len(shown)} of {len(chosen)} runs (all: --all)"
    in_full = command(f"show {shown[-1].run_dir.name[-12:]}", runs_dir)
    line = f"{counts} in {runs_dir}. One of them in full: {in_full}"
    console.print(Text(f"\n{printable(line)}"))
    if count := len(list((runs_dir / STUDIES).glob("[!.]*.json"))):
        said = f"{counted(count, 'stud', 'y', 'ies')}: {command('ls --sweeps', runs_dir)}"
        console.print(Text(printable(said)))
    return 0


def fitting(
    command: str, existing: Sequence[FoundRun], wanted: Mapping[str, str]
) -> list[FoundRun]:
    """The runs that have every wanted value.

    command: that asks for them. Raises UserError for a key that no run has.
    """
    known: set[str] = set(OWN)
    chosen = []
    for run in existing:
        facts = _facts(run, bool(wanted))
        known |= set(facts)
        if all(_same(facts.get(key), value) for key, value in wanted.items()):
            chosen.append(run)
    unknown = [key for key in wanted if key not in known]
    if existing and unknown:
        valid = sorted(known)
        raise UserError(
            *(Mistake(command, "a key of some run", key, nearest(key, valid)) for key in unknown)
        )
    return chosen


def _nothing(runs_dir: Path, count: int, wanted: Mapping[str, str]) -> str:
    """What is said where no run fits, of `count` runs."""
    if not count:
        for path, found in no_folders(runs_dir):
            return f"no runs in {runs_dir}; {path}: expected a folder, found {found}"
        return f"no runs in {runs_dir} yet; the first: tl-run strategy=feature_transfer"
    asked = " ".join(f"{key}={value}" for key, value in wanted.items())
    return f"none of {count} runs in {runs_dir} has {asked}; all: tl-run ls"


def _asked(arguments: Sequence[str]) -> tuple[bool, dict[str, str]]:
    """Whether all runs are asked for, and the values that they are to have. Raises UserError."""
    everything, wanted = False, dict[str, str]()
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if argument == "--all":
            everything = True
        elif equals and not argument.startswith("-"):
            key, value = value_asked(argument)
            wanted[key] = value
        else:
            expected = "key=value, --all, --stages, --sweeps or --runs-dir PATH"
            raise UserError(Mistake("ls", expected, argument, "see tl-run ls --help"))
    return everything, wanted


def value_asked(argument: str) -> tuple[str, str]:
    """The key and value of key=value, λ under its own key and ∞ as a config writes it."""
    key, _, value = argument.partition("=")
    return (
        "lam.value" if key in ("λ", "lambda") else key,
        "inf" if value == "∞" else value,
    )


def _facts(run: FoundRun, config: bool) -> dict[str, Any]:
    """What a run can be asked for: its status and, where it matters, every key of its config."""
    facts: dict[str, Any] = {"status": run.status, "path": str(run.run_dir.path)}
    if config:
        facts["status"] = _status(run)
        facts |= _config(run)
    return facts


def _config(run: FoundRun) -> dict[str, Any]:
    """The config of a run by dotted keys; empty where it is not what it was."""
    return flat(read_config(run.run_dir.path)) if run.is_whole("config.yaml") else {}


def _same(value: object, wanted: str) -> bool:
    """Whether a value is the one that was typed: numbers by their value, all else by its text."""
    try:
        return float(str(value)) == float(wanted)
    except ValueError:
        return plain(value) == unquoted(wanted)


def _table(shown: Sequence[FoundRun], width: int) -> Table:
    """A row a run; what does not fit in `width` columns is left out, the least needed first."""
    settings = differing([_config(run) for run in shown])
    several = len({run.run_dir.group.partition("/")[0] for run in shown}) > 1
    titles = [run_name(run) if several else run_name(run).partition("/")[2] for run in shown]
    if wide := width >= WIDE:
        titles = [str(run.run_dir.path) for run in shown]
    room = width - sum(FIXED[name] for name in FIXED) - max(map(len, titles))
    left_out: set[str] = set()
    needed = min(SETTINGS, max(map(len, settings), default=0))
    for name in DROPPED:
        if room < needed:
            left_out.add(name)
            room += FIXED[name]
    if not any(settings):
        left_out.add("settings")
    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = [name for name in COLUMNS if name not in left_out]
    for name in columns:
        justify: JustifyMethod = "right" if name in ("test", "s") else "left"
        whole = name in FIXED or (name == "run" and room >= 0)
        table.add_column(name, justify=justify, overflow="fold", no_wrap=whole)
    for run, title, differs in zip(shown, titles, settings, strict=True):
        cells = _cells(run) | {"settings": Text(printable(differs))}
        cells["run"] = link(run.run_dir.path) if wide else Text(printable(title))
        table.add_row(*(cells[name] for name in columns))
    return table


def _cells(run: FoundRun) -> dict[str, Text | str]:
    """What stands in the columns of a run, but for its name and settings."""
    score, took, status = "–", "–", _status(run)
    if headline := run.result.get("headline", {}):
        score = number(headline.get("name", ""), headline.get("test"))
    seconds = run.record.get("seconds")
    if isinstance(seconds, int | float):
        took = f"{seconds:.1f}"
    started = str(run.record.get("started", "–"))[:16].replace("T", " ")
    return {
        "status": Text(printable(status), style="red" if status in (*BAD, DIVERGED) else ""),
        "test": score,
        "s": took,
        "started (UTC)": Text(printable(started)),
    }


def _status(run: FoundRun) -> str:
    """How a run went; of one that is finished and has diverged, or is inexact, that."""
    status = run.status
    if status == "finished" and run.result and has_diverged(run.record, run.result):
        return DIVERGED
    if status == "finished" and run.record.get("inexact"):
        return INEXACT
    return status


def run_name(run: FoundRun) -> str:
    """The folder of a run below runs_dir, such as digits/scratch/seed=0_3fa2b1c09d4e."""
    return f"{run.run_dir.group}/{run.run_dir.name}"
