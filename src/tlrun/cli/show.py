"""tl-run show RUN: one run in full."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tlrun.cli.ls import flat, read_config
from tlrun.core.errors import Mistake, UserError, printable
from tlrun.report.console import link, make_console
from tlrun.report.formatting import number
from tlrun.report.relations import relations
from tlrun.store.found import FoundRun, below, runs
from tlrun.store.rundir import RunDir

USAGE = """\
tl-run show RUN [--runs-dir PATH]     one run: how it went, what it scored, what it cost, what decides it

  RUN is its folder, or any part of its name that no other run has, such as the last 12 characters"""
STAGE = {"name", "key", "seconds", "found"}  # what run.json says of each
MEANS = {
    "stopped": "its process is gone; the same command starts it again",
    "interrupted": "by a signal; the same command starts it again",
    "running": "another process is working on it",
    "unreadable": "run.json is no JSON; the same command starts it again",
}


# text that needs no quotes in Hydra's grammar
PLAIN = re.compile(r"(?!(?:null|true|false)$)[A-Za-z_/~.][\w/~.-]*")


def show(arguments: Sequence[str]) -> int:
    """Print one run. Returns the exit code. Raises UserError where it is not told which."""
    if {"--help", "-h"} & set(arguments):
        print(USAGE)
        return 0
    runs_dir, rest = below(arguments)
    if len(rest) != 1:
        hint = "see tl-run show --help, or tl-run ls"
        raise UserError(Mistake("show", "one run", str(len(rest)), hint))
    _print(_chosen(rest[0], runs_dir), make_console())
    return 0


def _chosen(text: str, runs_dir: Path) -> FoundRun:
    path = Path(text).expanduser()
    if (path / "run.json").is_file():
        path = path.resolve()
        run_dir = RunDir(path.parents[2], f"{path.parents[1].name}/{path.parent.name}", path.name)
        return FoundRun(run_dir, run_dir.record() or {})
    fitting = [run for run in runs(runs_dir) if text in f"{run.run_dir.group}/{run.run_dir.name}"]
    if not fitting:
        found = f"none with {text} in its name in {runs_dir}"
        raise UserError(Mistake("show", "a run", found, "see tl-run ls"))
    if len(fitting) > 1:
        few = [f"{run.run_dir.group}/{run.run_dir.name}" for run in fitting[:3]]
        few += ["…"] * (len(fitting) > 3)
        found = f"{len(fitting)} with {text} in their names: {', '.join(few)}"
        raise UserError(Mistake("show", "one run", found))
    return fitting[0]


def _print(run: FoundRun, console: Console) -> None:
    console.print(link(run.run_dir.path))
    reason = run.record.get("reason") or MEANS.get(run.status, "")
    console.print(Text(printable(f"{run.status}{': ' if reason else ''}{reason}"), style="bold"))
    for name, row in _facts(run):
        console.print(Text(printable(f"  {name:<12}{row}")), soft_wrap=True)
    if run.result:
        console.print()
        console.print(_scores(run.result))
        for part in relations(run.result):
            console.print(part)
    config = flat(read_config(run))
    if config:
        elsewhere = (
            {}
            if run.run_dir.runs_dir in (Path("runs"), Path("runs").resolve())
            else {"runs_dir": run.run_dir.runs_dir}
        )
        command = shlex.join(
            ["tl-run", *(_override(key, value) for key, value in {**config, **elsewhere}.items())]
        )
        console.print()
        console.print(Text(f"again: {printable(command)}"), soft_wrap=True)
    console.print()
    for file in sorted(path for path in run.run_dir.path.iterdir() if path.is_file()):
        console.print(
            Text("  "), link(file), Text(f"  {file.stat().st_size:,} bytes"), sep="", soft_wrap=True
        )


def _facts(run: FoundRun) -> Iterator[tuple[str, str]]:
    record, result = run.record, run.result
    yield "started", f"{record.get('started', '–')} on {record.get('host', '–')}"
    if isinstance(record.get("seconds"), int | float):
        yield "took", f"{record['seconds']:.1f} s"
    if isinstance(stages := record.get("stages"), list) and all(
        isinstance(s, dict) and s.keys() >= STAGE for s in stages
    ):
        yield "stages", ", ".join(map(_stage, stages))
    if result:
        size = result["size"]
        yield (
            "size",
            f"{size['parameters']:,} parameters, {size['nonzeros']:,} not 0, {size['flops']:,} FLOPs an example",
        )
        labels = " + ".join(f"{count} ({name})" for name, count in result["labels"].items())
        yield "cost", f"{labels} labels, {result['steps']} steps, {result['examples']:,} examples"
        yield "test set", f"opened {record.get('test_opened', '–')} time(s)"
    if isinstance(record.get("fingerprint"), dict):
        yield (
            "made with",
            ", ".join(f"{key} {value}" for key, value in record["fingerprint"].items()),
        )
    if last := _last_row(run.run_dir.path / "metrics.jsonl"):
        terms = "  ".join(f"{name} {value:.3f}" for name, value in last["terms"].items())
        yield "last row", f"stage {last['stage']}, step {last['step']}: {terms}"


def _stage(stage: dict[str, Any]) -> str:
    how = f" (found in .stages/{stage['key']})" if stage["found"] else ""
    return f"{stage['name']} {stage['seconds']:.1f} s{how}"


def _last_row(path: Path) -> dict[str, Any]:
    try:
        row = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
        return row if {"stage", "step", "terms"} <= set(row) else {}
    except (OSError, ValueError, IndexError, TypeError):
        return {}


def _scores(result: dict[str, Any]) -> Table:
    """Every metric of every task, on validation and test examples; accuracies in %."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    metrics = list(
        dict.fromkeys(
            m for part in result["metrics"].values() for row in part.values() for m in row
        )
    )
    for name in ("examples", "domain/task", *metrics):
        table.add_column(name, justify="left" if name in ("examples", "domain/task") else "right")
    for part, rows in result["metrics"].items():
        for key, row in rows.items():
            table.add_row(
                part, printable(key), *(number(metric, row.get(metric)) for metric in metrics)
            )
    return table


def _override(key: str, value: object) -> str:
    """key=value as a command line takes it, before the shell's own quotes."""
    return f"{key}={_written(value)}"


def _written(value: object) -> str:
    if isinstance(value, list):
        return f"[{','.join(map(_written, value))}]"
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, str) and not PLAIN.fullmatch(value):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return str(value)
