"""tlrun.run: one run with its controls, as the command line carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO

from rich.console import Console

from tlrun.api.checked import Folder, checked
from tlrun.api.frame import Runs
from tlrun.core.errors import Mistake, UserError, nearest
from tlrun.report.console import make_console
from tlrun.report.progress_run import LiveScreen
from tlrun.report.run_table import run_table
from tlrun.report.task_gains import difference
from tlrun.runs.outcome import Outcome
from tlrun.runs.run import run_with_controls
from tlrun.runs.screen import QuietScreen

WIDTH = 100  # columns of a table in a notebook


@dataclass(frozen=True)
class RunResult:
    """What one run answers. run: that was asked for. controls: by name; empty without them.

    `print` shows the table that the command line shows.
    """

    run: Outcome
    controls: Mapping[str, Outcome]

    @property
    def runs(self) -> Runs:
        """The run, then its controls."""
        return Runs([self.run, *self.controls.values()])

    def gain(self, over: str) -> float | None:
        """By how much the test score of the run is better than that of the control `over`.

        As computed, not in percent; above 0 where the run is better, whichever way its metric goes;
        None where either score is undefined. Raises UserError where there is no such control.
        """
        if over not in self.controls:
            hint = nearest(over, list(self.controls))
            raise UserError(Mistake("gain", "a control of the run", over, hint))
        return difference(self.run, self.controls[over])

    def __str__(self) -> str:
        console = Console(file=StringIO(), width=WIDTH, markup=False, force_jupyter=False)
        with console.capture() as shown:
            console.print(run_table(self.runs, console))
        return shown.get().rstrip("\n")


def run(
    *overrides: str,
    config_dir: Folder | None = None,
    runs_dir: Folder | None = None,
    progress: bool = False,
) -> RunResult:
    """Carry out one run and its controls in this process, or find them where they are finished.

    overrides: each key=value as on the command line, such as "strategy=feature_transfer" or "λ=1".
    config_dir: a folder of YAMLs of your own. runs_dir: where runs are kept; `runs` by default.
    progress: whether to print what the command line prints while it runs.

    Ctrl-C ends it as KeyboardInterrupt; the same call goes on from what is finished. Raises
    UserError with every mistake in what is asked for, with nothing started; RunBusy where another
    process has the run; RunFailed where training fails.
    """
    asked = checked(overrides, multirun=False, config_dir=config_dir, runs_dir=runs_dir)
    screen = LiveScreen(make_console()) if progress else QuietScreen()
    this, *controls = run_with_controls(asked.request.jobs[0].run, screen)
    return RunResult(this, {control.name: control for control in controls})
