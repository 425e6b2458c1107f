"""The runs of one command, from a checked command line to the table that answers it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from hydra.core.utils import JobReturn
from omegaconf import DictConfig, OmegaConf
from rich.text import Text

from tlrun.config.compose import resolved
from tlrun.config.overrides import NO_AXES, Asked
from tlrun.config.registry import GROUPS, equation
from tlrun.core.errors import RunFailed, TlrunError, printable, say
from tlrun.report.console import make_console
from tlrun.report.progress_run import LiveScreen
from tlrun.report.progress_sweep import watching
from tlrun.report.tables import run_table, sweep_table
from tlrun.runs.outcome import Outcome
from tlrun.runs.run import answer
from tlrun.sweeps.launch import Failure, launch

# λ has a column of its own in a table, seeds are what it averages
NOT_A_SETTING = {"seed", "lam.value", *NO_AXES}
TEN_SEEDS = "seed=0,1,2,3,4,5,6,7,8,9"
MOST_TOLD = 50  # failures listed one by one

_current: ContextVar[Session] = ContextVar("session")


def current() -> Session:
    """The session of this command. Hydra makes launcher and sweeper from names, so they cannot be
    handed it.
    """
    return _current.get()


class Session:
    """One command. answers: per job, the outcomes of its run and controls; empty where its run
    failed.
    """

    def __init__(self, asked: Asked, flags: Sequence[str] = ()) -> None:
        self.asked = asked
        self._flags = flags  # that the next command needs too
        self._console = make_console()
        self._answers: list[list[Outcome]] = []
        self._errors: list[TlrunError] = []
        self._failures: list[Failure] = []
        self._summary = ""
        _current.set(self)

    def one(self, config: DictConfig) -> None:
        """Answer the only job of the command."""
        plain = _plain(config)
        self._console.print(
            Text(equation("strategy", plain["strategy"]["name"]), style="bold"), soft_wrap=True
        )
        try:
            self._answers.append(answer(plain, LiveScreen(self._console)))
        except Exception as error:  # noqa: BLE001  # planning calls into plug-ins, which raise what they like
            self._errors.append(_as_ours(error))

    def sweep(self, count: int) -> None:
        """Answer every job of a sweep, `count` by Hydra's reckoning, as processes."""
        jobs = self.asked.jobs
        assert count == len(jobs)
        screen = LiveScreen(self._console)
        try:
            swept = launch(
                [job.config for job in jobs],
                [job.overrides for job in jobs],
                screen,
                watching(self._console),
            )
        except Exception as error:  # noqa: BLE001  # planning calls into plug-ins, which raise what they like
            self._errors.append(_as_ours(error))
        else:
            self._answers, self._failures = swept.answers, swept.failures
            runs = swept.trained + swept.found + len(swept.failures)
            failed = f", {len(swept.failures)} failed" if swept.failures else ""
            self._summary = (
                f"{len(jobs)} jobs, {runs} runs (controls included, what jobs share once): "
                f"{swept.trained} trained now, {swept.found} found{failed}. "
                f"Shared stages: {swept.stages[False]} trained, {swept.stages[True]} found."
            )

    def collect(self, returned: Sequence[JobReturn]) -> None:
        """Take what another launcher's jobs returned."""
        for job in returned:
            value = job._return_value  # noqa: SLF001  # the property without the underscore prints, and raises
            if job.status.name == "COMPLETED":
                self._answers.append(value)
                continue
            self._answers.append([])
            self._errors.append(_as_ours(value))

    def close(self) -> int:
        """Print the table and the next command. Returns the exit code."""
        answers = [
            (job.overrides, outcomes)
            for job, outcomes in zip(self.asked.jobs, self._answers, strict=False)
        ]
        done = [(overrides, outcomes) for overrides, outcomes in answers if outcomes]
        if done:
            self._console.print()
            if self.asked.multirun:
                self._console.print(sweep_table(by_setting(done), self._console))
            else:
                self._one_seed(done[0][1])
        if self._summary:
            self._console.print(Text(self._summary))
        for lines in dict.fromkeys(error.lines for error in self._errors):
            say(*lines)
        if self._failures:
            self._say_failures()
            return 1
        if not self._errors:
            return 0
        return 1 if done else max(error.exit_code for error in self._errors)

    def _say_failures(self) -> None:
        say(
            f"{len(self._failures)} runs failed; the same command runs these again, and only these:"
        )
        for failure in self._failures[:MOST_TOLD]:
            say(f"  {failure.place}: {failure.reason}; log: {failure.log}")
        if len(self._failures) > MOST_TOLD:
            say(f"  … and {len(self._failures) - MOST_TOLD} more: tl-run ls status=failed")

    def _one_seed(self, outcomes: Sequence[Outcome]) -> None:
        self._console.print(run_table(outcomes, self._console))
        kept = [
            o.lstrip("+")
            for o in self.asked.overrides
            if not o.lstrip("+").startswith(("seed=", "rerun="))
        ]
        command = shlex.join(["tl-run", *self._flags, "-m", *kept, TEN_SEEDS])
        self._console.print()
        self._console.print(
            "One seed proves nothing: another draw of labels and weights may turn the sign. Ten seeds, with intervals:"
        )
        self._console.print(Text(f"  {printable(command)}", style="bold"), soft_wrap=True)


def job(config: DictConfig) -> list[Outcome]:
    """One job of a sweep through another launcher of Hydra's, in whatever process that runs it."""
    return answer(_plain(config), LiveScreen(make_console(), transient=True))


def by_setting(
    answers: Sequence[tuple[Sequence[str], list[Outcome]]],
) -> list[tuple[str, list[list[Outcome]]]]:
    """The answers of each setting, one a seed, under what sets it apart from the other settings.

    Two jobs may be one run (scratch at two λ, a seed typed twice); it counts once, or n would be a
    lie.
    """
    told = [
        ([o for o in asked if o.split("=")[0] not in NOT_A_SETTING], outcomes)
        for asked, outcomes in answers
    ]
    common = set.intersection(*(set(asked) for asked, _ in told))
    settings: dict[str, tuple[str, dict[int, list[Outcome]]]] = {}
    for asked, outcomes in told:
        label = " ".join(map(_short, (o for o in asked if o not in common))) or outcomes[0].strategy
        settings.setdefault(outcomes[0].setting, (label, {}))[1][outcomes[0].seed] = outcomes
    return [(label, list(seeds.values())) for label, seeds in settings.values()]


def _short(override: str) -> str:
    """strategy=joint as joint, dataset.shift=noise as shift=noise: a column is no place for what
    all rows share.
    """
    key, _, value = override.partition("=")
    key = key.removesuffix(".name")  # of a node within a node
    return value if key in GROUPS else f"{key.rpartition('.')[2]}={value}"


def _plain(config: DictConfig) -> dict[str, Any]:
    plain: Any = OmegaConf.to_container(config, resolve=False)
    return resolved(plain)


def _as_ours(error: BaseException) -> TlrunError:
    if isinstance(error, TlrunError):
        return error
    if isinstance(error, OSError):
        return RunFailed(f"{error.filename or 'a file of the run'}: {error.strerror}")
    return RunFailed(f"{type(error).__name__}: {error}")
