"""The end of a sweep: what its studies answer, and the page of it; how far a stopped one is."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.report.console import link
from tlrun.report.page.page import page
from tlrun.report.render.terminal import terminal
from tlrun.report.study.build import build_report
from tlrun.report.study.terms import spans
from tlrun.store.files import write_whole
from tlrun.store.studydir import HOME, StudyPlan
from tlrun.sweeps.stopped import Progress


def closing(
    runs_dir: Path, studies: Sequence[StudyPlan], console: Console, wide: bool = False
) -> RenderableType:
    """What the runs of a sweep answer, after their page is written.

    runs_dir: where they are. studies: those that the sweep has declared. wide: all of it, as of
    `terminal`. The page is beside the plan, under the id of the study, or of the first of several;
    where it cannot be written, that is said instead. Raises UserError where no run is.
    """
    report = build_report([runs_dir], [study.id for study in studies])
    path = runs_dir / HOME / f"{studies[0].id}.html"
    try:
        write_whole(path, page(report).encode())
    except OSError as error:  # a full disk takes nothing from what was found out
        line = Text(printable(f"No page: {path}: {error.strerror}"), style="yellow")
    else:
        line = Text("As a page to mail: ").append_text(link(path))
    if not wide:
        line.append("; the rest here: tl-run report --wide")
    lines = [line]
    if "test_folds=" not in studies[0].command:  # of which nothing can be delivered
        use = f"To use the winner: {deliver_command(runs_dir, studies)}"
        lines.append(Text(use, no_wrap=True, overflow="ignore"))  # to be copied
    return Group(terminal(report, console, wide), *lines)


def deliver_command(runs_dir: Path, studies: Sequence[StudyPlan]) -> str:
    """The command that makes a folder of what won, of the first of several studies."""
    words = ["tl-run", "deliver", studies[0].id]
    if runs_dir != Path("runs"):
        words += ["--runs-dir", str(runs_dir)]
    return printable(shlex.join(words))


def how_far(progress: Progress) -> str:
    """What of a stopped sweep is finished: "24 of 60 runs are finished: seeds 0-3 of 10 are whole".

    A seed is whole where every run of it is finished.
    """
    if not progress.whole:
        seeds = "no seed is whole"
    elif len(progress.whole) == 1:
        seeds = f"seed {progress.whole[0]} of {len(progress.seeds)} is whole"
    else:
        seeds = f"seeds {spans(progress.whole)} of {len(progress.seeds)} are whole"
    return f"{progress.finished:,} of {progress.runs:,} runs are finished: {seeds}."
