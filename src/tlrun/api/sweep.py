"""tlrun.sweep: many runs and the report of them, as the command line carries them out."""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from tlrun.api.checked import Asked, Folder, checked
from tlrun.api.frame import Runs
from tlrun.api.quiet import QuietWatcher
from tlrun.api.run import WIDTH
from tlrun.cli.auto_seeds import OnceTold
from tlrun.cli.session import processes
from tlrun.config.preflight import Request
from tlrun.core.errors import RunFailed
from tlrun.report.answer import Report, Study
from tlrun.report.console import make_console
from tlrun.report.looks import settled
from tlrun.report.page.page import page
from tlrun.report.progress_sweep import watching
from tlrun.report.render.terminal import terminal
from tlrun.report.study.build import build_report
from tlrun.runs.outcome import Outcome
from tlrun.runs.screen import QuietScreen, Screen
from tlrun.store.files import write_whole
from tlrun.store.studydir import HOME
from tlrun.sweeps import declaration
from tlrun.sweeps.executors.local import LocalExecutor
from tlrun.sweeps.launch import Failure, SweepResults, Watch, launch
from tlrun.sweeps.stopped import SweepStopped

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class SweepResult:
    """What a sweep answers.

    report: what its studies answer, one for each problem. runs: every run and control that has
    finished, each once. failures: the runs that failed, and why. trained, found: how many runs were
    trained now, and how many were there. page: the report as a file that a browser shows.

    `print` shows what the command line shows at the end of a sweep.
    """

    report: Report
    runs: Runs
    failures: tuple[Failure, ...]
    trained: int
    found: int
    page: Path

    @property
    def study(self) -> Study:
        """The answer of the only study.

        Raises ValueError where the sweep has several: they are in `report.studies`.
        """
        if len(self.report.studies) != 1:
            count = len(self.report.studies)
            raise ValueError(f"expected one study, found {count}; they are in report.studies")
        return self.report.studies[0]

    def __str__(self) -> str:
        console = Console(file=StringIO(), width=WIDTH, markup=False, force_jupyter=False)
        with console.capture() as shown:
            console.print(terminal(self.report, console))
        return shown.get().rstrip("\n")

    def __repr__(self) -> str:
        answers = "; ".join(study.verdict for study in self.report.studies)
        failed = f", {len(self.failures)} failed" if self.failures else ""
        return f"<SweepResult of {len(self.runs)} runs{failed}: {answers}>"


def sweep(
    *overrides: str,
    config_dir: Folder | None = None,
    runs_dir: Folder | None = None,
    progress: bool = False,
) -> SweepResult:
    """Carry out a sweep in processes of this machine, and report what it answers.

    overrides: each key=value as on the command line, with several values where it sweeps, such as
    "lam.value=0,1,inf" or "seeds=5". config_dir, runs_dir, progress: as of `tlrun.run`.

    A run that fails stops no other: it is in `failures`, and a RuntimeWarning says so. Ctrl-C ends
    every process, then comes as KeyboardInterrupt; the same call goes on from what is finished. It
    works in a script without a main guard too. Raises UserError with every mistake in what is asked
    for, with nothing started; RunFailed where every run failed.
    """
    asked = checked(overrides, multirun=True, config_dir=config_dir, runs_dir=runs_dir)
    screen: Screen = QuietScreen()
    watch: Watch = _unwatched
    if progress:
        console = make_console()
        screen, watch = OnceTold(console), watching(console)
    results = _launched(asked, screen, watch)
    if not any(results.outcomes):
        first = results.failures[0]
        log = f"the first: {first.reason}; log: {first.log}"
        raise RunFailed(f"all {len(results.failures)} runs failed; {log}", first.path)
    report = build_report([asked.runs_dir], [study.id for study in results.studies])
    path = asked.runs_dir / HOME / f"{results.studies[0].id}.html"
    write_whole(path, page(report).encode())
    if results.failures:
        first = results.failures[0]
        count = f"{len(results.failures)} runs failed, the first {first.path}: {first.reason}"
        warnings.warn(f"{count}; the others are in .failures", RuntimeWarning, stacklevel=2)
    runs, failures = Runs(_each_once(results.outcomes)), tuple(results.failures)
    return SweepResult(report, runs, failures, results.trained, results.found, path)


def _launched(asked: Asked, screen: Screen, watch: Watch) -> SweepResults:
    """What became of a sweep; of seeds=auto, of its last look.

    Raises ValueError for seeds=auto without a look.
    """
    request = asked.request
    if not request.looks:
        return _launch(asked, request, screen, watch)
    for seeds in request.looks:
        results = _launch(asked, request.at_look(seeds), screen, watch)
        if results.failures or seeds == request.looks[-1]:
            break
        if settled(results.studies, asked.runs_dir, seeds).stop:
            break
    return results


def _launch(asked: Asked, request: Request, screen: Screen, watch: Watch) -> SweepResults:
    jobs = request.jobs
    try:
        return launch(
            [job.run for job in jobs],
            [job.overrides for job in jobs],
            LocalExecutor(processes(jobs[0].run)),
            screen,
            watch,
            declaration.Asked(asked.command, request.looks),
        )
    except SweepStopped as stopped:
        raise stopped.by from None


def _unwatched(_total: int, _found: int) -> nullcontext[QuietWatcher]:
    return nullcontext(QuietWatcher())


def _each_once(jobs: Iterable[list[Outcome]]) -> list[Outcome]:
    """The outcomes of all jobs, those that jobs share once, those asked for under that name."""
    kept: dict[Path, Outcome] = {}
    for outcomes in jobs:
        for outcome in outcomes:
            kept.setdefault(outcome.path, outcome)
    return list(kept.values())
