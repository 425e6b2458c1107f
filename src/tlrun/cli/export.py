"""tl-run export: the curves of finished runs, or one of them whole, for other tools."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.text import Text

from tlrun.cli.export_onnx import ONNX, export_onnx
from tlrun.cli.kept_settings import flat, read_config
from tlrun.cli.ls import fitting, value_asked
from tlrun.cli.new_file import check_there, unwritten, write
from tlrun.cli.show import AGAIN, chosen
from tlrun.core.errors import Mistake, UserError, nearest, printable, say
from tlrun.core.paths import open_file, own_path
from tlrun.report.console import make_console
from tlrun.report.export.curves import Curves, rows_of
from tlrun.report.export.events import as_events, file_name, is_ours
from tlrun.report.export.tidy import OURS_CSV, OURS_JSON, as_csv, as_json
from tlrun.runs.outcome import read_outcome
from tlrun.store.found import FoundRun, below, runs

USAGE = """\
tl-run export FORMAT … [RUN … | KEY=VALUE …] [--runs-dir PATH]
    the curves of finished runs, for other tools; of all, where none is named

  --tensorboard DIR         a folder a run, for tensorboard --logdir DIR; steps
                            count within a stage: target/L_T, source/L_S, …
  --csv FILE.csv | DIR      a row a number, for spreadsheets and pandas: one
                            file of all runs, or a folder with one of each
  --json FILE.json | DIR    the same, with each run's config and scores

  --onnx FILE.onnx          instead, one RUN or delivered stack as a graph for
                            other programs: preprocessing inside, a card beside
  --domain D                of that graph, where there are several

  RUN is a folder, or any part of a run's name that no other has (tl-run ls);
  KEY=VALUE any key of a run's config: strategy=scratch, lam.value=inf, seed=0.
  A file that tl-run export has not made is never written over."""
IS_RUN = re.compile(r".*_[0-9a-f]{12}/?")  # the end of a run's name; before it "=" is no key's


@dataclass(frozen=True)
class Written:
    """A file to be written. ours: whether the content of one that is there already is of ours."""

    path: Path
    content: Callable[[], bytes]
    ours: Callable[[bytes], bool]

    def is_ours(self, there: Path) -> bool:
        """Whether a file that is there already is of ours."""
        with open_file(there) as existing:
            return self.ours(existing.read(1000))


def _tensorboard(curves: Sequence[Curves], place: Path) -> Iterator[Written]:
    """An event file in a folder a run."""
    for each in curves:
        path = place / each.group / each.run.path.name / file_name(each)
        yield Written(path, lambda each=each: as_events(each), is_ours)  # type: ignore[misc]


def _tidy(
    as_bytes: Callable[[Sequence[Curves]], bytes], suffix: str, begin: bytes
) -> Callable[[Sequence[Curves], Path], Iterator[Written]]:
    """Writes one file where the place is called as one, else a file a run in a folder."""

    def ours(content: bytes) -> bool:
        return content.startswith(begin)

    def files(curves: Sequence[Curves], place: Path) -> Iterator[Written]:
        if place.suffix == suffix:
            yield Written(place, lambda: as_bytes(curves), ours)
            return
        for each in curves:
            path = place / each.group / f"{each.run.path.name}{suffix}"
            yield Written(path, lambda each=each: as_bytes([each]), ours)  # type: ignore[misc]

    return files


# What each format makes of curves at a place. One of a run's network is asked for in its own way.
FORMATS: Mapping[str, Callable[[Sequence[Curves], Path], Iterator[Written]]] = {
    "--tensorboard": _tensorboard,
    "--csv": _tidy(as_csv, ".csv", OURS_CSV),
    "--json": _tidy(as_json, ".json", OURS_JSON),
}


def export(arguments: Sequence[str]) -> int:
    """Write the curves of finished runs. Returns the exit code.

    Raises UserError for what cannot be asked or written; nothing is written over that is not ours.
    """
    if {"--help", "-h"} & set(arguments):
        print(USAGE)
        return 0
    if any(argument.partition("=")[0] == ONNX for argument in arguments):
        return export_onnx(arguments)
    runs_dir, others = below(arguments)
    places, words = _places(others)
    curves = _selected(words, runs_dir)
    if not curves:
        asked = f" with {' '.join(words)}" if words else ""
        print(printable(f"no finished run{asked} in {runs_dir}; all there is: tl-run ls"))
        return 0
    console = make_console()
    for name, place in places:
        count = _write(name, FORMATS[name](curves, place))
        numbers = sum(len(each.rows) for each in curves)
        line = f"{len(curves)} runs, {numbers:,} numbers, {count} files: {place}"
        if name == "--tensorboard":
            line += f"; to look at it: tensorboard --logdir {place}"
        console.print(Text(printable(line)), soft_wrap=True)
    return 0


def _places(arguments: Sequence[str]) -> tuple[list[tuple[str, Path]], list[str]]:
    """The formats with their places, and the other arguments. Raises UserError."""
    places, others, rest = list[tuple[str, Path]](), list[str](), list(arguments)
    while rest:
        argument = rest.pop(0)
        name, equals, value = argument.partition("=")
        if not argument.startswith("-"):
            others.append(argument)
            continue
        if name not in FORMATS:
            hint = nearest(name, [*FORMATS, ONNX, "--runs-dir"])
            raise UserError(Mistake("export", "a format", argument, hint))
        if not equals and rest and not rest[0].startswith("-"):
            value = rest.pop(0)
        if not value:
            raise UserError(Mistake(name, "a folder or file after it", "nothing"))
        places.append((name, own_path(value, name)))
    if not places:
        hint = "as in tl-run export --csv curves.csv; see tl-run export --help"
        expected = f"one of {', '.join([*FORMATS, ONNX])}"
        raise UserError(Mistake("export", expected, "none", hint))
    return places, others


def _selected(words: Sequence[str], runs_dir: Path) -> list[Curves]:
    """Those of the finished runs that are named, or have every value named; else of all.

    A run that is not what it was is left out, which is told, or refused where it is named. Raises
    UserError.
    """
    wanted: dict[str, str] = {}
    named: dict[Path, FoundRun] = {}
    for word in words:
        if "=" in word and not IS_RUN.fullmatch(word) and not Path(word, "run.json").is_file():
            key, value = value_asked(word)
            wanted[key] = value
            continue
        run = chosen("export", word, runs_dir)
        if (status := run.proved_status) != "finished" or run.flaw:
            status = "damaged" if status == "finished" else status
            raise UserError(Mistake(word, "a finished run", status, "see tl-run show"))
        named[run.run_dir.path] = run
    every = list(named.values()) if named else list(runs(runs_dir))
    fit = {run.run_dir.path for run in fitting("export", every, wanted)}
    curves = []
    for run in every:
        if run.record.get("status") != "finished":
            continue
        if run.run_dir.path not in fit and run.is_whole("config.yaml"):
            continue  # of another config it cannot be said
        try:
            curves.append(_curves(run))
        except ValueError as error:
            if named:
                expected = "a run that can be read"
                raise UserError(Mistake(run.run_dir.name, expected, str(error), AGAIN)) from None
            say(f"{run.run_dir.path}: left out: {error}; {AGAIN}")
    return curves


def _curves(found: FoundRun) -> Curves:
    """The curves of a run. Raises ValueError where its files are not what they were, or no rows."""
    if found.flaw:
        raise ValueError(found.flaw)
    record = found.record
    try:
        run = read_outcome(found.run_dir, str(record.get("strategy", "")), moved=found.moved)
        started = datetime.fromisoformat(record["started"]).timestamp()
        rows = tuple(rows_of(run))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        words = " ".join(str(error).split())
        raise ValueError(f"{type(error).__name__}: {words}") from None
    config = flat(read_config(found.run_dir.path))
    if "lam" in config:
        config["lam.name"] = config.pop("lam")
    dataset = str(config.get("dataset", run.path.parent.parent.name))
    return Curves(run, dataset, config, started, rows)


def _write(name: str, files: Iterator[Written]) -> int:
    """Write files, once each is known to be absent or ours. Returns how many.

    name: the format. Raises UserError.
    """
    every = list(files)
    for file in every:
        check_there(name, "export", file.path, file.is_ours)
    for file in every:
        content = file.content()
        try:
            file.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritten(name, file.path, error) from None
        write(name, file.path, content, synced=False)
    return len(every)
