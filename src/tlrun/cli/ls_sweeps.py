"""tl-run ls --sweeps: the studies that sweeps have declared, and how far each has come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from tlrun.cli.ls_stages import command
from tlrun.core.errors import Mistake, UserError, printable, say
from tlrun.report.console import WIDE, link, make_console
from tlrun.store.files import read_json
from tlrun.store.found import FoundRun, runs
from tlrun.store.shapes import SWEEP, checked
from tlrun.store.studydir import HOME, StudyPlan, damaged_studies, studies
from tlrun.store.sweepdir import SWEEPS

COLUMNS = ("study", "command", "arms", "seeds", "runs", "state", "page")
NUMBERS = {"arms", "seeds", "runs"}
OVER = ("finished", "failed", "interrupted")  # what a sweep's own record may say


@dataclass(frozen=True)
class Standing:
    """How far a study has come.

    finished, planned: runs, its controls included. state: that of the sweep which asked for it
    last. page: of its report; None where there is none.
    """

    study: StudyPlan
    finished: int
    planned: int
    state: str
    page: Path | None


def ls_sweeps(runs_dir: Path, others: Sequence[str]) -> int:
    """Print a table of the studies, the latest last. Returns the exit code.

    others: what else was typed. Raises UserError where that is anything.
    """
    if others:
        expected = "--runs-dir PATH or nothing beside it"
        raise UserError(Mistake("ls --sweeps", expected, " ".join(others)))
    every = list(standings(runs_dir))
    for mistake in damaged_studies(runs_dir):
        say(str(mistake))
    if not every:
        none = f"no studies in {runs_dir / HOME} yet; a first one: tl-run -m lam.value=0,1,inf"
        print(printable(f"{none} seeds=5"))
        return 0
    console = make_console()
    console.print(_table(every, console.width >= WIDE))
    pages = f"pages: {runs_dir / HOME}/<study>.html"
    line = f"{pages}. What all of them answer: {command('report', runs_dir)}"
    console.print()
    console.print(Text(printable(line)))
    return 0


def standings(runs_dir: Path) -> Iterator[Standing]:
    """How far every study below `runs_dir` has come, the oldest first."""
    found = list(runs(runs_dir))
    by_name = {f"{run.run_dir.group}/{run.run_dir.name}": run for run in found}
    # by problem and setting: the latest sweep that has them
    states: dict[tuple[object, object], tuple[int, str]] = {}
    for place, (members, said) in enumerate(_sweeps(runs_dir, by_name)):
        states |= dict.fromkeys(members, (place, said))
    of_problem: dict[object, list[FoundRun]] = {}
    for run in found:
        of_problem.setdefault(str(run.record.get("problem")), []).append(run)
    for study in studies(runs_dir):
        asked, settings, seeds = study.settings, study.every_setting, set(study.seeds)
        finished = {
            (run.record.get("setting"), run.record.get("seed"))
            for run in of_problem.get(study.problem, ())
            if run.record.get("setting") in settings
            and run.record.get("seed") in seeds
            and run.status == "finished"
        }
        met = [states[at] for setting in asked if (at := (study.problem, setting)) in states]
        state = max(met)[1] if met else "declared"
        page = runs_dir / HOME / f"{study.id}.html"
        planned = len(settings) * len(study.seeds)
        yield Standing(study, len(finished), planned, state, page if page.exists() else None)


def _sweeps(
    runs_dir: Path, by_name: Mapping[str, FoundRun]
) -> Iterator[tuple[set[tuple[object, object]], str]]:
    """Of every sweep the problems and settings of the runs it asks for, and how it stands.

    The latest is the last. by_name: the runs there are.
    """
    dated = []
    for file in (runs_dir / SWEEPS).glob("*/sweep.json"):
        try:
            dated.append((file.stat().st_mtime, file, checked(read_json(file), SWEEP, file.name)))
        except (OSError, ValueError):
            continue
    for _, _, record in sorted(dated, key=lambda one: one[:2]):
        names = [name for job in record.get("jobs", []) for name in job["runs"].values()]
        found = [by_name[name] for name in names if name in by_name]
        members = {(run.record.get("problem"), run.record.get("setting")) for run in found}
        state = str(record.get("status"))
        if state not in OVER and not any(run.status == "running" for run in found):
            state = "unfinished"
        yield members, state


def _table(every: Sequence[Standing], wide: bool) -> Table:
    """A row a study. wide: whether the path of its page has room."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in COLUMNS:
        justify: JustifyMethod = "right" if name in NUMBERS else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=name != "command")
    for one in every:
        study = one.study
        page = Text("–")
        if one.page is not None:
            page = link(one.page) if wide else Text("yes")
        table.add_row(
            study.id,
            Text(printable(study.command.removeprefix("tl-run ") or "–")),
            str(len(study.arms)),
            str(len(study.seeds)),
            f"{one.finished}/{one.planned}",
            Text(one.state, style="red" if one.state in ("failed", "unfinished") else ""),
            page,
        )
    return table
