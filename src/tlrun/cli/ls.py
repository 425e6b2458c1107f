"""tl-run ls: the runs so far."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.table import Table
from rich.text import Text

from tlrun.cli.ls_stages import ls_stages
from tlrun.core.errors import Mistake, UserError, nearest, printable
from tlrun.report.console import WIDE, link, make_console
from tlrun.report.formatting import number
from tlrun.store.found import FoundRun, below, runs

USAGE = """\
tl-run ls [KEY=VALUE …] [--all] [--runs-dir PATH]     the runs so far, the latest last

  tl-run ls status=failed                    finished, failed, interrupted, stopped (killed), running
  tl-run ls strategy=scratch seed=0          any key of a run's config, such as lam.value=inf or dataset.shift=noise
  tl-run ls --all                            all of them, not the last {last}
  tl-run ls --stages                         the finished stages that runs share, the oldest use first"""
LAST = 30
OWN = ("status", "path")  # what can be asked for beside the keys of a config


def ls(arguments: Sequence[str]) -> int:
    """Print a table of the runs that fit. Returns the exit code.

    Raises UserError for what cannot be asked.
    """
    if {"--help", "-h"} & set(arguments):
        print(USAGE.format(last=LAST))
        return 0
    runs_dir, others = below(arguments)
    if "--stages" in others:
        return ls_stages(runs_dir, [argument for argument in others if argument != "--stages"])
    everything, wanted = _asked(others)
    there = list(runs(runs_dir))
    chosen = _chosen(there, wanted)
    if not chosen:
        print(printable(_nothing(runs_dir, len(there), wanted)))
        return 0
    shown = chosen if everything else chosen[-LAST:]
    console = make_console()
    console.print(_table(shown, console.width >= WIDE))
    counts = f"{len(chosen)} runs"
    if len(shown) < len(chosen):
        counts = f"{len(shown)} of {len(chosen)} runs (all: --all)"
    elsewhere = "" if runs_dir == Path("runs") else f" --runs-dir {shlex.quote(str(runs_dir))}"
    in_full = f"tl-run show {shown[-1].run_dir.name[-12:]}{elsewhere}"
    line = f"{counts} in {runs_dir}. One of them in full: {in_full}"
    console.print(Text(f"\n{printable(line)}"))
    return 0


def _chosen(there: Sequence[FoundRun], wanted: Mapping[str, str]) -> list[FoundRun]:
    """The runs that have every wanted value. Raises UserError for a key that no run has."""
    known: set[str] = set(OWN)
    chosen = []
    for run in there:
        facts = _facts(run, bool(wanted))
        known |= set(facts)
        if all(_same(facts.get(key), value) for key, value in wanted.items()):
            chosen.append(run)
    unknown = [key for key in wanted if key not in known]
    if there and unknown:
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
    everything, wanted = False, dict[str, str]()
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if argument == "--all":
            everything = True
        elif equals and not argument.startswith("-"):
            wanted["lam.value" if key in ("λ", "lambda") else key] = (
                "inf" if value == "∞" else value
            )
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
    """config.yaml of a run; empty where it cannot be read."""
    try:
        found = yaml.safe_load((run.run_dir.path / "config.yaml").read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}


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
    text = (
        "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    )
    return text.replace(" ", "").replace("'", "").replace('"', "")


def _same(found: object, wanted: str) -> bool:
    """Whether a value is the one that was typed: numbers by their value, all else by its text."""
    try:
        return float(str(found)) == float(wanted)
    except ValueError:
        return _plain(found) == wanted.replace(" ", "").replace("'", "").replace('"', "")


def _table(shown: Sequence[FoundRun], wide: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("status", "run", "test", "s", "started (UTC)"):
        table.add_column(
            name, justify="right" if name in ("test", "s") else "left", overflow="fold"
        )
    for run in shown:
        headline = run.result.get("headline", {})
        seconds = run.record.get("seconds")
        score = number(headline.get("name", ""), headline.get("test")) if headline else "–"
        told = (
            link(run.run_dir.path)
            if wide
            else Text(printable(f"{run.run_dir.group}/{run.run_dir.name}"))
        )
        table.add_row(
            Text(run.status, style="red" if run.status in ("failed", "stopped") else ""),
            told,
            score,
            f"{seconds:.1f}" if isinstance(seconds, int | float) else "–",
            str(run.record.get("started", "–"))[:16].replace("T", " "),
        )
    return table
