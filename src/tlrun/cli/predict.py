"""tl-run predict PATH NEW: new rows answered by what was trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from tlrun.cli.flags import valued_flags
from tlrun.cli.new_file import check_place, write
from tlrun.cli.show import chosen
from tlrun.core.errors import Mistake, UserError, printable, say
from tlrun.core.paths import own_path
from tlrun.report.console import make_console
from tlrun.report.export.answers import OURS, as_csv, as_lines
from tlrun.store.found import below

if TYPE_CHECKING:
    from rich.console import Console

    from tlrun.inference.predictor import Answers, Predictor

USAGE = """\
tl-run predict RUN NEW [-o FILE.csv] [--domain D] [--task T] [--runs-dir PATH]

New rows, answered by a finished run or a delivered stack, from its folder
alone: the data that it learnt from need not be there.

  RUN is a folder, or any part of a run's name that no other has (tl-run ls).
  NEW is a table (.csv, .tsv, .jsonl, .parquet) with the columns that were
  learnt from, in any order; of images one or a folder; of arrays an .npy file.

  -o FILE.csv     (or --out) all answers: row, prediction, p(CLASS) of every
                  class; without it the first ten are printed
  --domain D      which domain the rows are of, where there are several
  --task T        which task is asked, where there are several

  Columns that are not used, categories never seen, numbers in another unit are
  told; a column that is missing is refused. A file that tl-run predict has not
  made is never written over."""
FLAGS = {"-o": "-o", "--out": "-o", "--domain": "--domain", "--task": "--task"}
FIRST = 10  # rows that are printed where no file is asked for
SEVERAL = 6  # classes that are counted one by one


def predict(arguments: Sequence[str]) -> int:
    """Answer new rows. Returns the exit code.

    Raises UserError for what cannot be asked, read or answered; nothing is written then.
    """
    if {"--help", "-h"} & set(arguments):
        print(USAGE)
        return 0
    runs_dir, rest = below(arguments)
    values, words = valued_flags("predict", rest, FLAGS)
    if len(words) != 2:
        hint = "as in tl-run predict RUN new.csv -o out.csv; see tl-run predict --help"
        raise UserError(Mistake("predict", "a run and new rows", f"{len(words)} words", hint))
    place = None if "-o" not in values else own_path(values["-o"], "-o")
    if place is not None:
        check_place("-o", "predict", place, _is_ours)
    from tlrun.inference.predictor import load

    predictor = load(_folder(words[0], runs_dir), tell=say)
    task = values.get("--task")
    answers, told, files = _answers(predictor, words[1], values.get("--domain"), task)
    console = make_console()
    if place is not None:
        write("-o", place, as_csv(answers, files))
        console.print(Text(printable(f"{place}")), soft_wrap=True)
    for line in _summary(answers):
        console.print(Text(printable(line)), soft_wrap=True)
    for line in told:
        console.print(Text(printable(f"note: {line}")), soft_wrap=True)
    if place is None:
        _print_first(answers, files, console)
    return 0


def _folder(text: str, runs_dir: Path) -> Path:
    """The folder of a delivered stack, or of the run that is meant. Raises UserError."""
    folder = own_path(text, "predict", "a run")
    if (folder / "delivered.json").is_file() or (folder / "run.json").is_file():
        return folder
    return chosen("predict", text, runs_dir).run_dir.path


def _answers(
    predictor: Predictor, new: str, domain: str | None, task: str | None
) -> tuple[Mapping[str, Answers], Sequence[str], Sequence[str]]:
    """What is said of new rows by task, what is told of them, and the files they were read from."""
    from tlrun.data.progress import Progress

    progress: Progress | None = None

    def watch(parts: Iterator[slice]) -> Iterator[slice]:
        """Say every few seconds how far it has come."""
        nonlocal progress
        every = list(parts)
        step, total = every[-1].stop - every[-1].start, every[-1].stop
        progress = Progress("answering", total, say, "rows")
        for part in every:
            yield part
            progress.at(part.start + step)

    answers, rows = predictor.answers(new, domain, task, watch)
    return answers, rows.told, rows.files


def _summary(answers: Mapping[str, Answers]) -> Iterator[str]:
    """How many rows, and what is said of them."""
    for name, each in answers.items():
        rows = len(each.values)
        of = f"{rows:,} {'row' if rows == 1 else 'rows'}"
        if each.task.classes:
            counts = Counter(each.predicted.tolist()).most_common()
            said = ", ".join(f"{what} ({count:,})" for what, count in counts[:SEVERAL])
            more = f" and {len(counts) - SEVERAL} classes more" if len(counts) > SEVERAL else ""
            yield f"{name}: {of}: {said}{more}"
        else:
            low, high = float(each.values.min()), float(each.values.max())
            yield f"{name}: {of}: {low:.6g} to {high:.6g}, mean {float(each.values.mean()):.6g}"


def _print_first(answers: Mapping[str, Answers], files: Sequence[str], console: Console) -> None:
    """The first rows as a table, and how to get all."""
    console.print()
    for line in as_lines(answers, files, FIRST):
        console.print(Text(printable(line)), soft_wrap=True)
    rows = len(next(iter(answers.values())).values)
    more = f"{rows - FIRST:,} rows more; " if rows > FIRST else ""
    console.print()
    console.print(f"{more}-o FILE.csv writes all")


def _is_ours(place: Path) -> bool:
    with place.open(encoding="utf-8", errors="replace") as file:
        return OURS.match(file.readline()) is not None
