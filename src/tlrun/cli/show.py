"""tl-run show RUN: one run in full."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tlrun.cli.command_line import command_line
from tlrun.cli.ls import flat, read_config, run_name
from tlrun.core.errors import Mistake, UserError, printable
from tlrun.report.console import link, make_console
from tlrun.report.formatting import number
from tlrun.report.relations import relations
from tlrun.store.found import FoundRun, below, runs
from tlrun.store.rundir import RunDir

USAGE = """\
tl-run show RUN [--runs-dir PATH]     one run: how it went, what it scored, what it cost, what decides it

  RUN is its folder, or any part of its name that no other run has, such as the last 12 characters"""  # noqa: E501  # as it is printed
STAGE = {"name", "key", "seconds", "found"}  # what run.json says of each
MEANS = {  # what a status says, where the record gives no reason
    "stopped": "its process is gone; the same command starts it again",
    "interrupted": "by a signal; the same command starts it again",
    "running": "another process is working on it",
    "unreadable": "run.json is no JSON; the same command starts it again",
}
# text that needs no quotes in Hydra's grammar
PLAIN = re.compile(r"(?!(?:null|true|false)$)[A-Za-z_/~.][\w/~.-]*")


def show(arguments: Sequence[str]) -> int:
    """Print one run. Returns the exit code.

    Raises UserError where the arguments do not say which run, or say several.
    """
    if {"--help", "-h"} & set(arguments):
        print(USAGE)
        return 0
    runs_dir, rest = below(arguments)
    if len(rest) != 1:
        hint = "see tl-run show --help, or tl-run ls"
        raise UserError(Mistake("show", "one run", str(len(rest)), hint))
    _print(chosen("show", rest[0], runs_dir), make_console())
    return 0


def chosen(command: str, text: str, runs_dir: Path) -> FoundRun:
    """The run whose folder is `text`, or the only one below `runs_dir` with it in its name.

    command: that asks for it. Raises UserError where there is none, or several.
    """
    path = Path(text).expanduser()
    if (path / "run.json").is_file():
        path = path.resolve()
        run_dir = RunDir(path.parents[2], f"{path.parents[1].name}/{path.parent.name}", path.name)
        return FoundRun(run_dir, run_dir.record() or {})
    matches = [run for run in runs(runs_dir) if text in run_name(run)]
    if not matches:
        found = f"none with {text} in its name in {runs_dir}"
        raise UserError(Mistake(command, "a run", found, "see tl-run ls"))
    if len(matches) > 1:
        few = ", ".join(map(run_name, matches[:3]))
        if len(matches) > 3:
            few += ", …"
        found = f"{len(matches)} with {text} in their names: {few}"
        raise UserError(Mistake(command, "one run", found))
    return matches[0]


def _print(run: FoundRun, console: Console) -> None:
    console.print(link(run.run_dir.path))
    status = run.status
    if reason := run.record.get("reason") or MEANS.get(run.status, ""):
        status = f"{status}: {reason}"
    console.print(Text(printable(status), style="bold"))
    for name, row in _facts(run):
        console.print(Text(printable(f"  {name:<12}{row}")), soft_wrap=True)
    if run.result:
        console.print()
        console.print(_scores(run.result))
        for part in relations(run.result):
            console.print(part)
    if config := flat(read_config(run)):
        console.print()
        again = _command(config, run.run_dir.runs_dir)
        console.print(Text(f"again: {printable(again)}"), soft_wrap=True)
    console.print()
    for file in sorted(run.run_dir.path.iterdir()):
        if file.is_file():
            size = Text(f"  {file.stat().st_size:,} bytes")
            console.print(Text("  "), link(file), size, sep="", soft_wrap=True)


def _command(config: Mapping[str, object], runs_dir: Path) -> str:
    """The command that asks for a run again. config: by dotted keys."""
    words = ["tl-run"]
    for key, value in config.items():
        words.append(_override(key, value))
    if runs_dir not in (Path("runs"), Path("runs").resolve()):
        words.append(_override("runs_dir", runs_dir))
    return command_line(words)


def _facts(run: FoundRun) -> Iterator[tuple[str, str]]:
    """What a run has cost and what decides it: what of, and the words for it."""
    record, result = run.record, run.result
    yield "started", f"{record.get('started', '–')} on {record.get('host', '–')}"
    if isinstance(record.get("seconds"), int | float):
        yield "took", f"{record['seconds']:.1f} s"
    stages = record.get("stages")
    if isinstance(stages, list) and stages and all(map(_is_stage, stages)):
        yield "stages", ", ".join(map(_stage, stages))
    if result:
        if "folds" in result:
            yield "folds", f"{result['folds']}: every test row answered by the model of its fold"
        if size := result["size"]:
            weights = f"{size['parameters']:,} parameters, {size['nonzeros']:,} not 0"
            yield "size", f"{weights}, {size['flops']:,} FLOPs an example"
        labels = " + ".join(f"{count} ({name})" for name, count in result["labels"].items())
        yield "cost", f"{labels} labels, {result['steps']} steps, {result['examples']:,} examples"
        yield "test set", f"opened {record.get('test_opened', '–')} time(s)"
    if isinstance(record.get("fingerprint"), dict):
        versions = [f"{key} {value}" for key, value in record["fingerprint"].items()]
        yield "made with", ", ".join(versions)
    if last := _last_row(run.run_dir.path / "metrics.jsonl"):
        terms = "  ".join(f"{name} {value:.3f}" for name, value in last["terms"].items())
        yield "last row", f"stage {last['stage']}, step {last['step']}: {terms}"


def _is_stage(value: object) -> bool:
    return isinstance(value, dict) and value.keys() >= STAGE


def _stage(stage: dict[str, Any]) -> str:
    took = f"{stage['name']} {stage['seconds']:.1f} s"
    if stage["found"]:
        return f"{took} (found in .stages/{stage['key']})"
    return took


def _last_row(path: Path) -> dict[str, Any]:
    """The last row of metrics.jsonl; empty where there is none that can be read."""
    try:
        row = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
        return row if {"stage", "step", "terms"} <= set(row) else {}
    except (OSError, ValueError, IndexError, TypeError):
        return {}


def _scores(result: dict[str, Any]) -> Table:
    """Every metric of every task, on validation and test examples; accuracies in %."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    metrics: dict[str, None] = {}
    for rows in result["metrics"].values():
        for row in rows.values():
            metrics |= dict.fromkeys(row)
    table.add_column("examples")
    table.add_column("domain/task")
    for metric in metrics:
        table.add_column(metric, justify="right")
    for part, rows in result["metrics"].items():
        for key, row in rows.items():
            scores = [number(metric, row.get(metric)) for metric in metrics]
            table.add_row(part, printable(key), *scores)
    return table


def _override(key: str, value: object) -> str:
    """key=value as a command line takes it, before the shell's own quotes."""
    return f"{key}={_written(value)}"


def _written(value: object) -> str:
    """A value in Hydra's grammar."""
    if isinstance(value, list):
        return f"[{','.join(map(_written, value))}]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and not PLAIN.fullmatch(value):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return str(value)
