"""The runs of one command, from a checked command line to the table that answers it."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from rich.text import Text

from tlrun.cli.command_line import command_line
from tlrun.config.build import Run
from tlrun.config.preflight import Request
from tlrun.config.registry import equation, name_of
from tlrun.core.errors import RunFailed, TlrunError, of_machine, one_line, printable, say
from tlrun.report.console import make_console
from tlrun.report.progress_run import LiveScreen
from tlrun.report.run_table import run_table
from tlrun.runs.run import run_with_controls

if TYPE_CHECKING:
    from tlrun.sweeps.executors.base import Executor
    from tlrun.sweeps.launch import Failure, SweepResults
    from tlrun.sweeps.stopped import SweepStopped

TEN_SEEDS = "seeds=10"
MOST_FAILURES = 50  # listed one by one


class Session:
    """One command, checked.

    flags: those that the next command needs too. wide: print what each run has cost, where it is
    and what the columns mean, too.
    """

    def __init__(self, request: Request, flags: Sequence[str] = (), wide: bool = False) -> None:
        self._request = request
        self._flags = flags
        self._wide = wide
        self._console = make_console()

    def run(self) -> int:
        """Answer the only job of the command, and print the table. Returns the exit code."""
        run = self._request.jobs[0].run
        self.say_chosen()
        line = equation("strategy", name_of("strategy", run.strategy))
        self._console.print(Text(line, style="bold"), soft_wrap=True)
        try:
            outcomes = run_with_controls(run, LiveScreen(self._console))
        except Exception as error:  # noqa: BLE001  # planning calls into plug-ins, which raise what they like
            return say_failed(error)
        self._console.print()
        self._console.print(run_table(outcomes, self._console, self._wide))
        self._next_command()
        return 0

    def sweep(self, elsewhere: Executor | None = None) -> int:
        """Answer every job of a sweep, and print the table. Returns the exit code.

        elsewhere: what carries out the runs; None: processes of this machine.
        """
        self.say_chosen()
        results = self.launched(elsewhere, LiveScreen(self._console))
        return results if isinstance(results, int) else self.show(results)

    def launched(self, elsewhere: Executor | None, screen: LiveScreen) -> SweepResults | int:
        """What became of the jobs of a sweep, or the exit code where it could not be begun.

        elsewhere: as of `sweep`. screen: is told the notes of planning. Where a signal ends
        it, what there is is printed, and the signal raised again.
        """
        from tlrun.report.progress_sweep import watching  # what a run alone need not wait for
        from tlrun.sweeps.declaration import Asked
        from tlrun.sweeps.executors.local import LocalExecutor
        from tlrun.sweeps.launch import launch
        from tlrun.sweeps.stopped import SweepStopped

        jobs = self._request.jobs
        executor = elsewhere or LocalExecutor(processes(jobs[0].run))
        try:
            return launch(
                [job.run for job in jobs],
                [job.overrides for job in jobs],
                executor,
                screen,
                watching(self._console, bars=elsewhere is None),
                Asked(self._command(self._request.typed), self._request.looks),
            )
        except SweepStopped as stopped:
            self._show_stopped(stopped)
            raise stopped.by from None
        except Exception as error:  # noqa: BLE001  # planning calls into plug-ins, which raise what they like
            return say_failed(error)

    def _show_stopped(self, stopped: SweepStopped) -> None:
        """Print the report of the runs that are finished, if any is, and how far the sweep is.

        Nothing, or no more, where the terminal or the pipe is gone.
        """
        if stopped.by.args[:1] == (getattr(signal, "SIGHUP", None),):
            return
        with suppress(OSError, SystemExit):  # which rich raises at the end of a pipe, as of `| tee`
            self._print_stopped(stopped)

    def _print_stopped(self, stopped: SweepStopped) -> None:
        from tlrun.report.closing import closing, how_far

        self._console.print()
        progress = stopped.progress
        if progress.finished:
            runs_dir = self._request.jobs[0].run.runs_folder
            try:
                parts = closing(runs_dir, progress.studies, self._console, self._wide)
            except Exception as error:  # noqa: BLE001  # nothing may change how a stopped command ends
                say_failed(error)
            else:
                self._console.print(parts)
        self._console.print(Text(how_far(progress), style="bold yellow"))

    def show(self, results: SweepResults) -> int:
        """Print what the studies of a sweep answer, write their page, and say what failed.

        Returns the exit code.
        """
        from tlrun.report.closing import closing

        jobs = self._request.jobs
        runs_dir = jobs[0].run.runs_folder
        if any(results.outcomes):
            self._console.print()
            self._console.print(closing(runs_dir, results.studies, self._console, self._wide))
        self._console.print(Text(_counts(results, len(jobs))))
        if results.failures:
            _say_failures(results.failures)
            return 1
        return 0

    def say_chosen(self) -> None:
        """What was chosen for the user, who has chosen nothing."""
        for chosen in dict.fromkeys(job.chosen for job in self._request.jobs):
            if chosen:
                words = " ".join(chosen)
                self._console.print(Text(f"{words}, as suits the data; name another to change it"))

    def _next_command(self) -> None:
        kept = [o for o in self._request.overrides if not o.lstrip("+").startswith("seed=")]
        command = self._command([*kept, TEN_SEEDS])
        self._console.print()
        self._console.print(
            "One seed proves nothing: another draw of labels and weights may turn the sign. Ten "
            "seeds, with intervals:"
        )
        self._console.print(Text(f"  {printable(command)}", style="bold"), soft_wrap=True)

    def _command(self, overrides: Sequence[str]) -> str:
        """The command line of a sweep that finds its runs again."""
        plain = [override.lstrip("+") for override in overrides]
        kept = [override for override in plain if not override.startswith("rerun=")]
        return command_line(["tl-run", *self._flags, "-m", *kept])


def processes(run: Run) -> int:
    """Processes at a time: as many as asked for, or as the cores hold at `threads` threads each."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    return run.sweep.jobs or max(1, cores // run.threads)


def _counts(results: SweepResults, jobs: int) -> str:
    """What a sweep of so many jobs has trained and found, in a line."""
    failed = f", {len(results.failures)} failed" if results.failures else ""
    runs = results.trained + results.found + len(results.failures)
    return (
        f"{jobs} jobs, {runs} runs (controls included, what jobs share once): "
        f"{results.trained} trained now, {results.found} found{failed}. "
        f"Shared stages: {results.stages_trained} trained, {results.stages_found} found."
    )


def _say_failures(failures: Sequence[Failure]) -> None:
    say(f"{len(failures)} runs failed; the same command runs these again, and only these:")
    for failure in failures[:MOST_FAILURES]:
        say(f"  {failure.path}: {failure.reason}; log: {failure.log}")
    if len(failures) > MOST_FAILURES:
        say(f"  … and {len(failures) - MOST_FAILURES} more: tl-run ls status=failed")


def say_failed(error: Exception) -> int:
    """Say why nothing, or no more, is run. Returns the exit code."""
    if isinstance(error, TlrunError):
        say(*error.lines)
        return error.exit_code
    say(of_machine(error) or one_line(error))
    return RunFailed.exit_code
