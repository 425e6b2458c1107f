"""--dry-run: what a command would run, find and cost; nothing is trained."""

from __future__ import annotations

import os
from collections.abc import Sequence

from rich.text import Text

from tlrun.cli.command_line import command_line
from tlrun.cli.session import Session, processes, say_failed
from tlrun.config.preflight import Request
from tlrun.core.errors import printable
from tlrun.report.console import make_console
from tlrun.report.forecast import Forecast, forecast
from tlrun.report.progress_run import LiveScreen
from tlrun.store.room import check_writable


def dry_run(request: Request, again: Sequence[str]) -> int:
    """Say what `request` would do. again: flags that its command needs too. Returns the exit code.

    Data are read as for planning, and a few steps of runs of which none has finished may be done in
    a temporary folder to time them; nothing is written below runs_dir, and no study is declared.
    Raises UserError for what the command itself would refuse.
    """
    from tlrun.runs.remembered import ProblemCache
    from tlrun.store.studydir import read_study, study_file
    from tlrun.sweeps.declaration import Asked, asked_studies, differences
    from tlrun.sweeps.estimate import estimate
    from tlrun.sweeps.plan import plan_with

    runs_dir = request.jobs[0].run.runs_folder
    if not runs_dir.is_dir():  # else what is finished there may be all that is asked for
        check_writable(runs_dir)
    console = make_console()
    screen = LiveScreen(console)
    Session(request, again).say_chosen()
    problems = ProblemCache()
    command = _command(request, again)
    jobs = request.jobs
    try:
        plan = plan_with([job.run for job in jobs], screen, problems)
        studies = []
        if request.multirun:
            asked = Asked(command, request.looks)
            studies = asked_studies(plan, [job.overrides for job in jobs], asked)
        for study in studies:
            if (path := study_file(runs_dir, study.id)).exists():
                for note in differences(read_study(path), study, path):
                    screen.note(note)
        left = estimate([planned for _, planned in plan.missing.values()], problems)
    except Exception as error:  # noqa: BLE001  # planning calls into plug-ins, which raise what they like
        return say_failed(error)
    at_once: int | None = processes(jobs[0].run) if request.multirun else 0
    if request.foreign_launcher:
        at_once = None
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    foreseen = Forecast(plan, studies, left, at_once, request.looks, load, os.cpu_count() or 1)
    console.print()
    console.print(forecast(foreseen))
    console.print()
    console.print("No run was trained, and nothing written to its folder. Without --dry-run:")
    console.print(Text(f"  {printable(command)}", style="bold"), soft_wrap=True)
    return 0


def _command(request: Request, again: Sequence[str]) -> str:
    """The command itself, as a shell reads it."""
    sweeps = ["-m"] if request.multirun else []
    return command_line(["tl-run", *again, *sweeps, *request.typed])
