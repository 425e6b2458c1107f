"""tl-run report: what the runs so far answer, read from their folders alone."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.text import Text

from tlrun.cli.new_file import check_place, write
from tlrun.core.errors import Mistake, UserError, nearest, printable
from tlrun.core.options import strict
from tlrun.core.paths import own_path
from tlrun.report.answer import Report
from tlrun.report.console import link, make_console
from tlrun.store.found import below

USAGE = """\
tl-run report [PATH …] [--wide] [FORMAT FILE …] [--runs-dir PATH]

Does it help, how strong, does it hurt?

  tl-run report                       every study in runs/: the verdict, and a
                                      row an arm
  tl-run report --wide                and what it rests on: curves, costs,
                                      scope, runs listed apart, every word
  tl-run report runs/digits           those with a run in a folder: of a data
                                      set, a strategy, a run
  tl-run report --html report.html    one page that can be mailed: no file
                                      beside it, no network
  tl-run report --json - --csv t.csv  the same sentences and numbers; - is
                                      standard output
  tl-run report --markdown -          for an issue or a pull request

  What the words mean: docs/verdict.md"""
WIDE = "--wide"
FORMATS = ("--html", "--json", "--csv", "--markdown")
STANDARD_OUTPUT = "-"


@dataclass(frozen=True)
class Asked:
    """What was asked for.

    paths: folders of runs. files: of each format where it goes. wide: on the terminal all of it.
    """

    paths: list[Path] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    wide: bool = False


def report(arguments: Sequence[str]) -> int:
    """Answer from finished runs. Returns the exit code.

    Raises UserError for what cannot be asked, and where no run is.
    """
    if {"--help", "-h"} & set(arguments):
        print(USAGE)
        return 0
    runs_dir, rest = below(arguments)
    asked = _asked(rest)
    from tlrun.report.study.build import build_report

    found = build_report(asked.paths or [runs_dir])
    console = make_console()
    if not asked.files:
        from tlrun.report.render.terminal import terminal

        console.print(terminal(found, console, asked.wide))
        more = "" if asked.wide else "All that is known: tl-run report --wide. "
        console.print(Text(f"{more}As a page to mail: tl-run report --html report.html"))
        return 0
    texts = {name: written(name, found) for name in asked.files}
    for name, file in asked.files.items():
        if file == STANDARD_OUTPUT:
            print(texts[name], end="")
            continue
        path = own_path(file, name)
        write(name, path, texts[name].encode())
        console.print(Text(f"{name.lstrip('-')}: ").append_text(link(path)))
    return 0


def written(name: str, found: Report) -> str:
    """A report in one of FORMATS."""
    match name:
        case "--html":
            from tlrun.report.page.page import page

            return page(found)
        case "--csv":
            from tlrun.report.render.csv_text import csv_text

            return csv_text(found)
        case "--markdown":
            from tlrun.report.render.markdown import markdown

            return markdown(found)
    return json.dumps(strict(asdict(found)), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _asked(arguments: Sequence[str]) -> Asked:
    """The paths and files that the arguments name. Raises UserError."""
    asked = Asked(wide=WIDE in arguments)
    rest = [argument for argument in arguments if argument != WIDE]
    while rest:
        argument = rest.pop(0)
        name, equals, value = argument.partition("=")
        if name in FORMATS:
            if not equals and rest and (rest[0] == STANDARD_OUTPUT or not rest[0].startswith("-")):
                value = rest.pop(0)
            if not value:
                raise UserError(
                    Mistake(name, "a file after it, or - for standard output", "nothing")
                )
            if name in asked.files:
                raise UserError(Mistake(name, "one file", "two"))
            asked.files[name] = value
        elif argument.startswith("-"):
            raise UserError(
                Mistake("report", found=f"no flag {argument}", hint=nearest(name, (*FORMATS, WIDE)))
            )
        else:
            asked.paths.append(own_path(argument, "report"))
    if asked.wide and asked.files:
        found = "the two together"
        raise UserError(Mistake(WIDE, "the terminal alone, or a file, which has all", found))
    _check_files(asked.files)
    return asked


def _check_files(files: Mapping[str, str]) -> None:
    """Raise UserError where several formats go to one place, or one to where no file can be.

    A file that is there may be written over.
    """
    at = [
        file if file == STANDARD_OUTPUT else os.path.realpath(own_path(file, name))
        for name, file in files.items()
    ]
    for (name, file), place in zip(files.items(), at, strict=True):
        if at.count(place) > 1:
            found = "several formats to one place"
            raise UserError(Mistake(printable(file), "a place for each format", found))
        if file != STANDARD_OUTPUT:
            check_place(name, "report", own_path(file, name), lambda _: True)
