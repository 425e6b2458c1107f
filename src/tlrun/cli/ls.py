"""tl-run ls: the runs so far."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from tlrun.cli.ls_stages import command, ls_stages
from tlrun.config.yaml_text import read_yaml
from tlrun.core.errors import Mistake, UserError, nearest, printable
from tlrun.report.console import WIDE, link, make_console
from tlrun.report.formatting import number
from tlrun.store.found import FoundRun, below, runs

USAGE = """\
tl-run ls [KEY=VALUE …] [--all] [--runs-dir PATH]     the runs so far, the latest last

  tl-run ls status=failed                    finished, failed, interrupted, stopped (killed), running
  tl-run ls strategy=scratch seed=0          any key of a run's config, such as lam.value=inf or dataset.shift=noise
  tl-run ls --all                            all of them, not the last {last}
  tl-run ls --stages                         the finished stages that runs share, the oldest use first"""  # noqa: E501  # as it is printed
LAST = 30
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
    everything, wanted = _asked(others)
    existing = list(runs(runs_dir))
    chosen = _chosen(existing, wanted)
    if not chosen:
        print(printable(_nothing(runs_dir, len(existing), wanted)))
        return 0
    shown = chosen if everything else chosen[-LAST:]
    console = make_console()
    console.print(_table(shown, console.width >= WIDE))
    counts = f"{len(chosen)} runs"
    if len(shown) < len(chosen):
        counts = f"{len(shown)} of {len(chosen)} runs (all: --all)"
    in_full = command(f"show {shown[-1].run_dir.name[-12:]}", runs_dir)
    line = f"{counts} in {runs_dir}. One of them in full: {in_full}"
    console.print(Text(f"\n{printable(line)}"))
    return 0


def _chosen(existing: Sequence[FoundRun], wanted: Mapping[str, str]) -> list[FoundRun]:
    """The runs that have every wanted value. Raises UserError for a key that no run has."""
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
        wrong = [Mistake("ls", "a key of some run", key, nearest(key, valid)) for key in unknown]
        raise UserError(*wrong)
    return chosen


def _nothing(runs_dir: Path, count: int, wanted: Mapping[str, str]) -> str:
    """What is said where no run fits, of `count` runs."""
    if not count:
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
            if key in ("λ", "lambda"):
                key = "lam.value"
            if value == "∞":
                value = "inf"
            wanted[key] = value
        else:
            expected = "key=value, --all, --stages or --runs-dir PATH"
            raise UserError(Mistake("ls", expected, argument, "see tl-run ls --help"))
    return everything, wanted


def _facts(run: FoundRun, config: bool) -> dict[str, Any]:
    """What a run can be asked for: its status and, where it matters, every key of its config."""
    facts: dict[str, Any] = {"status": run.status, "path": str(run.run_dir.path)}
    if config:
        facts |= flat(read_config(run))
    return facts


def read_config(run: FoundRun) -> dict[str, Any]:
    """The config.yaml of a run; empty where it cannot be read."""
    try:
        config = read_yaml((run.run_dir.path / "config.yaml").read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return config if isinstance(config, dict) else {}


def flat(config: dict[str, Any]) -> dict[str, Any]:
    """A config by dotted keys; the name of a group's node under the group's own."""
    return {key.removesuffix(".name"): value for key, value in _leaves(config, "")}


def _leaves(node: dict[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _plain(value: object) -> str:
    """A value as it may be typed, without the quotes and blanks that decide nothing."""
    if isinstance(value, list):
        return f"[{','.join(map(_plain, value))}]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return _unquoted(str(value))


def _unquoted(text: str) -> str:
    return text.replace(" ", "").replace("'", "").replace('"', "")


def _same(value: object, wanted: str) -> bool:
    """Whether a value is the one that was typed: numbers by their value, all else by its text."""
    try:
        return float(str(value)) == float(wanted)
    except ValueError:
        return _plain(value) == _unquoted(wanted)


def _table(shown: Sequence[FoundRun], wide: bool) -> Table:
    """A row a run. wide: whether there is room for the whole path."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("status", "run", "test", "s", "started (UTC)"):
        justify: JustifyMethod = "right" if name in ("test", "s") else "left"
        table.add_column(name, justify=justify, overflow="fold")
    for run in shown:
        status = Text(run.status, style="red" if run.status in ("failed", "stopped") else "")
        title = link(run.run_dir.path) if wide else Text(printable(run_name(run)))
        score = took = "–"
        if headline := run.result.get("headline", {}):
            score = number(headline.get("name", ""), headline.get("test"))
        seconds = run.record.get("seconds")
        if isinstance(seconds, int | float):
            took = f"{seconds:.1f}"
        started = str(run.record.get("started", "–"))[:16].replace("T", " ")
        table.add_row(status, title, score, took, started)
    return table


def run_name(run: FoundRun) -> str:
    """The folder of a run below runs_dir, such as digits/scratch/seed=0_3fa2b1c09d4e."""
    return f"{run.run_dir.group}/{run.run_dir.name}"
