"""The end of a sweep: what its studies answer, and the page of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.text import Text

from tlrun.core.errors import printable
from tlrun.report.console import link
from tlrun.report.page.page import page
from tlrun.report.render.terminal import terminal
from tlrun.report.study.build import build_report
from tlrun.store.files import write_whole
from tlrun.store.studydir import HOME, StudyPlan


def closing(runs_dir: Path, studies: Sequence[StudyPlan], console: Console) -> RenderableType:
    """What the runs of a sweep answer, after their page is written.

    runs_dir: where they are. studies: those that the sweep has declared. The page is beside the
    plan, under the id of the study, or of the first of several; where it cannot be written, that
    is said instead. Raises UserError where no run is.
    """
    report = build_report([runs_dir], [study.id for study in studies])
    path = runs_dir / HOME / f"{studies[0].id}.html"
    try:
        write_whole(path, page(report).encode())
    except OSError as error:  # a full disk takes nothing from what was found out
        line = Text(printable(f"No page: {path}: {error.strerror}"), style="yellow")
    else:
        line = Text("As a page to mail: ").append_text(link(path))
    return Group(terminal(report, console), line)
