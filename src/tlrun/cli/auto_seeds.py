"""seeds=auto: a sweep in looks, each over more seeds, until its results are settled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from tlrun.cli.session import Session
from tlrun.config.preflight import Request
from tlrun.core.errors import printable
from tlrun.core.notes import Note
from tlrun.report.console import make_console
from tlrun.report.progress_run import LiveScreen

if TYPE_CHECKING:
    from tlrun.sweeps.executors.base import Executor
    from tlrun.sweeps.looks import Settled


class OnceTold(LiveScreen):
    """A screen for the planning of every look, which says once what each of them would say."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._told: list[Note] = []

    def note(self, note: Note, runs: int = 1) -> None:
        """Print the lines of a note that is not told yet. runs: how many runs it is true of."""
        if note not in self._told:
            self._told.append(note)
            super().note(note, runs)


def auto_seeds(
    request: Request,
    flags: Sequence[str],
    settled: Settled,
    elsewhere: Callable[[Request], Executor | None] = lambda _: None,
    wide: bool = False,
) -> int:
    """Sweep over the seeds of the first look, of the second, …; print the table of the last.

    request: of seeds=auto. flags: those that the next command needs too. settled: decides after
    each look whether it is the last. elsewhere: gives what carries out the runs of a look; None:
    processes of this machine. wide: as of `Session`. Returns the exit code: 1 where a run failed,
    after whose look nothing more is run. Raises ValueError for a request without looks.
    """
    console = make_console()
    screen = OnceTold(console)
    runs_dir = request.jobs[0].run.runs_folder
    for number, seeds in enumerate(request.looks, start=1):
        look = request.at_look(seeds)
        session = Session(look, flags, wide)
        if number == 1:
            session.say_chosen()
        results = session.launched(elsewhere(look), screen)
        if isinstance(results, int):
            return results
        if results.failures:
            return session.show(results)
        decision = settled(results.studies, runs_dir, seeds)
        last = decision.stop or seeds == request.looks[-1]
        goes = "stop" if last else "go on"
        line = f"look {number} of {len(request.looks)}, {seeds} seeds: {goes}: {decision.why}"
        console.print(Text(printable(line), style="bold"), soft_wrap=True)
        if last:
            return session.show(results)
    raise ValueError("expected the request of seeds=auto, found one without looks")
