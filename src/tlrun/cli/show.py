"""tl-run show RUN: one run in full."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tlrun.cli.command_line import command_line, override
from tlrun.cli.kept_settings import flat, read_config
from tlrun.cli.ls import run_name
from tlrun.cli.show_controls import controls_of, controls_table
from tlrun.core.errors import SMALLER_LR, Mistake, UserError, printable
from tlrun.core.paths import own_path
from tlrun.report.amounts import counted
from tlrun.report.console import link, make_console
from tlrun.report.formatting import number
from tlrun.report.learning_curve import learning_curve, loss_curves, read_rows
from tlrun.report.relations import relations
from tlrun.report.render.room import fits
from tlrun.runs.has_diverged import has_diverged, how_far
from tlrun.store.found import FoundRun, below, runs
from tlrun.store.rundir import RunDir

USAGE = """\
tl-run show RUN [--runs-dir PATH]

One run: how it went, what it scored, what its controls scored, how its losses
fell, what it cost, what decides it.

  RUN is its folder, or any part of its name that no other run has, such as the
  last 12 characters"""
STAGE = {"name", "key", "seconds", "found"}  # what run.json says of each
AGAIN = "the same command makes it again"
MEANS = {  # what a status says, where the record gives no reason
    "stopped": "its process is gone; the same command starts it again",
    "interrupted": "by a signal; the same command starts it again",
    "running": "another process is working on it",
    "unreadable": "run.json is no JSON; the same command starts it again",
}
FACT = 14  # columns of a terminal before what is said of a fact
ID = 12  # characters at the end of a run's name
NEAR = 0.7  # how alike a run's name must be to be meant


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
    path = own_path(text, command, "a run")
    if (path / "run.json").is_file():
        run_dir = RunDir.at(path.resolve())
        return FoundRun(run_dir, run_dir.record() or {}, moved=True)
    every = list(runs(runs_dir))
    matches = [run for run in every if text in run_name(run)]
    if not matches:
        found = f"none with {text} in its name in {runs_dir}"
        raise UserError(Mistake(command, "a run", found, _near(text, every)))
    if len(matches) > 1:
        few = ", ".join(map(run_name, matches[:3]))
        if len(matches) > 3:
            few += ", …"
        found = f"{len(matches)} with {text} in their names: {few}"
        raise UserError(Mistake(command, "one run", found))
    return matches[0]


def _near(text: str, every: Sequence[FoundRun]) -> str:
    """The run that may be meant, by its id, or the first or last part of it, or by its name."""
    candidates: dict[str, FoundRun] = {}
    for run in every:
        name = run_name(run)
        identity, short = name[-ID:], min(len(text), ID)
        for candidate in (identity, identity[:short], identity[-short:], run.run_dir.name, name):
            candidates.setdefault(candidate, run)
    near = get_close_matches(text, candidates, n=1, cutoff=NEAR)
    if not near:
        return "see tl-run ls"
    return f"did you mean {run_name(candidates[near[0]])}?"


def _print(run: FoundRun, console: Console) -> None:
    console.print(link(run.run_dir.path))
    status = run.proved_status
    reason = f"{run.flaw}; {AGAIN}" if status == "damaged" else run.record.get("reason")
    if reason := reason or MEANS.get(status, ""):
        status = f"{status}: {reason}"
    console.print(Text(printable(status), style="bold"))
    facts = Table.grid()
    facts.add_column(min_width=FACT, no_wrap=True)
    facts.add_column(overflow="fold")
    for name, row in _facts(run):
        facts.add_row(f"  {name}", Text(printable(row)))
    console.print(facts)
    config = flat(read_config(run.run_dir.path)) if run.is_whole("config.yaml") else {}
    again = _command(config, run.run_dir.runs_dir)
    if run.result:
        console.print()
        console.print(_scores(run.result, console.width))
        for part in relations(run.result):
            console.print(part)
        _print_controls(run, again if config else "", console)
    if curves := loss_curves(_rows(run)):
        console.print()
        console.print(learning_curve(curves, console.width))
    if config:
        console.print()
        console.print(Text(f"again: {printable(again)}"), soft_wrap=True)
    console.print()
    for file in sorted(run.run_dir.path.iterdir()):
        if file.is_file():
            weight = Text(f"  {file.stat().st_size:,} bytes")
            label = Text(printable(file.name), style=f"link {file.resolve().as_uri()}")
            console.print(Text("  "), label, weight, sep="", soft_wrap=True)


def _print_controls(run: FoundRun, again: str, console: Console) -> None:
    """What its controls scored. again: the command that makes those that are missing."""
    compared = controls_of(run, runs(run.run_dir.runs_dir))
    if not compared:
        return
    console.print()
    console.print(controls_table(run, compared))
    missing = sum(one.found is None for one in compared)
    if missing and again:
        console.print(f"{counted(missing, 'control')} not there; the command below makes them.")


def _command(config: Mapping[str, object], runs_dir: Path) -> str:
    """The command that asks for a run again. config: by dotted keys."""
    words = ["tl-run"]
    for key, value in config.items():
        words.append(override(key, value))
    if runs_dir not in (Path("runs"), Path("runs").resolve()):
        words.append(override("runs_dir", runs_dir))
    return command_line(words)


def _made_with(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The fingerprint that a run was made under, and whether it was begun under another."""
    if isinstance(record.get("fingerprint"), dict):
        versions = [f"{key} {value}" for key, value in record["fingerprint"].items()]
        yield "made with", ", ".join(versions)
    if record.get("inexact"):
        yield "inexact", f"gone on with under another fingerprint: {record['inexact']}"


def _facts(run: FoundRun) -> Iterator[tuple[str, str]]:
    """What a run has cost and what decides it: what of, and the words for it."""
    record, result = run.record, run.result
    yield "started", f"{record.get('started', '–')} on {record.get('host', '–')}"
    if isinstance(record.get("seconds"), int | float):
        yield "took", f"{record['seconds']:.1f} s"
    if record.get("engine") == "stacked":
        yield "trained", "its heads as one product with those of other runs (sweep.engine)"
    stages = record.get("stages")
    if isinstance(stages, list) and stages and all(map(_is_stage, stages)):
        yield "stages", ", ".join(map(_stage, stages))
    if result:
        if has_diverged(record, result):
            yield "diverged", how_far(record) or SMALLER_LR
        if "folds" in result:
            yield "folds", f"{result['folds']}: every test row answered by the model of its fold"
        if size := result["size"]:
            weights = f"{size['parameters']:,} parameters, {size['nonzeros']:,} not 0"
            yield "size", f"{weights}, {size['flops']:,} FLOPs an example"
        labels = " + ".join(f"{count} ({name})" for name, count in result["labels"].items())
        yield "cost", f"{labels} labels, {result['steps']} steps, {result['examples']:,} examples"
        yield "test set", f"opened {record.get('test_opened', '–')} time(s)"
    yield from _made_with(record)
    if rows := _rows(run):
        last = rows[-1]
        terms = "  ".join(f"{name} {_term(value)}" for name, value in last["terms"].items())
        yield "last row", f"stage {last['stage']}, step {last['step']}: {terms}"


def _rows(run: FoundRun) -> list[dict[str, Any]]:
    return read_rows(run.run_dir.path / "metrics.jsonl") if run.is_whole("metrics.jsonl") else []


def _term(value: object) -> str:
    """A term of the objective; of one that is no number, as where the loss diverged, its text."""
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, int | float) else str(value)


def _is_stage(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.keys() >= STAGE
        and isinstance(value["seconds"], int | float)
    )


def _stage(stage: dict[str, Any]) -> str:
    took = f"{stage['name']} {stage['seconds']:.1f} s"
    if stage["found"]:
        return f"{took} (found in .stages/{stage['key']})"
    return took


def _scores(result: dict[str, Any], width: int) -> Table:
    """Every metric of every task, on validation and test examples; accuracies in %.

    Beside each other, or, where `width` columns are too few, in lines.
    """
    rows: list[tuple[str, str, Mapping[str, float | None]]] = []
    metrics: dict[str, None] = {}
    for part, of_part in result["metrics"].items():
        for key, row in of_part.items():
            rows.append((part, key, row))
            metrics |= dict.fromkeys(row)
    wide, tall = (Table(box=None, pad_edge=False, header_style="bold") for _ in range(2))
    for table in (wide, tall):
        table.add_column("examples", no_wrap=True)
        table.add_column("domain/task", overflow="fold")
    tall.add_column("scores")
    for metric in metrics:
        wide.add_column(metric, justify="right", no_wrap=True)
    for part, key, row in rows:
        scores = [number(metric, row.get(metric)) for metric in metrics]
        wide.add_row(part, printable(key), *scores)
        said = ", ".join(f"{name} {number(name, value)}" for name, value in row.items())
        tall.add_row(part, printable(key), said)
    return wide if fits(wide, width) else tall
