"""The front door: argv → preflight → @hydra.main → the answer.

Exit codes: 0; 1 a run failed or is busy; 2 a mistake of the user, and nothing started; 130 and 143 signals.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.text import Text

from tlrun.build import equation
from tlrun.errors import RunFailed, Terminated, TlrunError, UserError
from tlrun.experiment import Outcome, answer
from tlrun.preflight import preflight, rewrite
from tlrun.report.screen import LiveScreen, printable
from tlrun.report.tables import run_table, sweep_table
from tlrun.store.rundir import check_writable

PIPE_WIDTH = 160  # columns where there is no terminal: nothing is cut, and paths stay whole
# What does not tell settings apart in a table: λ has a column of its own, the rest decides no result.
NOT_A_SETTING = {"seed", "lam.value", "runs_dir", "threads", "controls", "rerun", "reuse"}
TEN_SEEDS = "seed=0,1,2,3,4,5,6,7,8,9"


@dataclass
class Session:
    """The runs of one command, and what became of them."""

    console: Console
    multirun: bool
    answers: list[tuple[list[str], list[Outcome]]] = field(default_factory=list)  # with the overrides asked for
    errors: list[TlrunError] = field(default_factory=list)

    def job(self, config: DictConfig) -> None:
        """Answer one config; a failure stops no other job of a sweep."""
        plain: Any = OmegaConf.to_container(config, resolve=True)
        asked = [o for o in HydraConfig.get().overrides.task if o.split("=")[0] not in NOT_A_SETTING]
        if not self.multirun:
            self.console.print(Text(equation("strategy", plain["strategy"]["name"]), style="bold"), soft_wrap=True)
        else:
            label = " ".join(HydraConfig.get().overrides.task) or plain["strategy"]["name"]
            self.console.print(Text(printable(label), style="bold"), soft_wrap=True)
        try:
            self.answers.append((asked, answer(plain, LiveScreen(self.console, transient=self.multirun))))
        except OSError as error:
            self._failed(RunFailed(f"{error.filename or 'a file of the run'}: {error.strerror}"))
        except TlrunError as error:
            self._failed(error)

    def _failed(self, error: TlrunError) -> None:
        self.errors.append(error)
        if self.multirun:
            self.console.print(Text(printable(f"failed: {error}")), soft_wrap=True)

    def close(self, overrides: Sequence[str]) -> int:
        """Print the table and the next command. Returns the exit code."""
        if self.answers:
            self.console.print()
            if self.multirun:
                self.console.print(sweep_table(self._by_setting(), self.console))
            else:
                self._one_seed(overrides)
        if self.multirun and self.errors:
            say(TlrunError(f"{len(self.errors)} of {len(self.errors) + len(self.answers)} jobs failed:"))
        for error in self.errors:
            say(error)
        if not self.errors:
            return 0
        return 1 if self.answers else max(error.exit_code for error in self.errors)

    def _by_setting(self) -> list[tuple[str, list[list[Outcome]]]]:
        """The answers of each setting, one a seed, under what sets it apart from the other settings.

        Two jobs may be one run (scratch at two λ, a seed typed twice); it counts once, or n would be a lie.
        """
        common = set.intersection(*(set(asked) for asked, _ in self.answers))
        settings: dict[str, tuple[str, dict[int, list[Outcome]]]] = {}
        for asked, outcomes in self.answers:
            label = " ".join(o for o in asked if o not in common) or outcomes[0].strategy
            settings.setdefault(outcomes[0].setting, (label, {}))[1][outcomes[0].seed] = outcomes
        return [(label, list(seeds.values())) for label, seeds in settings.values()]

    def _one_seed(self, overrides: Sequence[str]) -> None:
        outcomes = self.answers[0][1]
        self.console.print(run_table(outcomes, self.console))
        kept = [o for o in overrides if not o.startswith(("seed=", "rerun="))]
        command = shlex.join(["tl-run", "-m", *kept, TEN_SEEDS])
        self.console.print()
        self.console.print(
            "One seed proves nothing: another draw of labels and weights may turn the sign. Ten seeds, with intervals:"
        )
        self.console.print(Text(f"  {printable(command)}", style="bold"), soft_wrap=True)


def say(error: TlrunError) -> None:
    """An error, a line a message, on the error stream."""
    for line in error.lines if isinstance(error, UserError) else [str(error)]:
        print(f"tl-run: {printable(line)}", file=sys.stderr)


def main() -> None:
    """The console script."""
    signal.signal(signal.SIGTERM, _terminate)
    if hasattr(signal, "SIGPIPE"):  # `tl-run … | head` ends without a word, as other commands do
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name) or open(os.devnull, "w")  # noqa: SIM115  # closed by the shell: `>&-`
        stream.reconfigure(errors="replace")  # a terminal that cannot show λ still shows the rest
        setattr(sys, name, stream)
    try:
        code = run(sys.argv[1:])
    except UserError as error:
        say(error)
        code = error.exit_code
    except (KeyboardInterrupt, Terminated) as stop:
        print("\ntl-run: stopped; the same command starts the unfinished run again", file=sys.stderr)
        code = 128 + (signal.SIGINT if isinstance(stop, KeyboardInterrupt) else signal.SIGTERM)
    sys.exit(code)


def run(argv: Sequence[str]) -> int:
    """Do what the command line says. Returns the exit code. Raises UserError, with nothing started or written."""
    if "--version" in argv:
        print(f"tl-run {metadata.version('tl-run')}")
        return 0
    arguments = [rewrite(argument) for argument in argv]
    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign]  # one line, not argparse's usage
    parsed = parser.parse_intermixed_args(arguments)
    _refuse_flags(parsed)
    overrides: Sequence[str] = parsed.overrides
    if not parsed.shell_completion:
        overrides, config = preflight(overrides, parsed.multirun)
        check_writable(Path(config["runs_dir"]).expanduser())
    console = Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)
    session = Session(console, parsed.multirun)
    start = hydra.main(config_path="pkg://tlrun.configs", config_name="run", version_base="1.3")(session.job)
    flags = [argument for argument in arguments if argument not in parsed.overrides]
    sys.argv = [sys.argv[0], *overrides, *flags]  # in this order: Hydra itself cannot read an override after a flag
    start()
    return session.close(overrides)


def _refuse_flags(parsed: Namespace) -> None:
    """Raises UserError for flags of Hydra that tl-run does not support, or that Hydra answers with a traceback."""
    for flag in ("config_path", "config_name", "config_dir", "experimental_rerun"):
        if getattr(parsed, flag) is not None:
            raise UserError(f"--{flag.replace('_', '-')}: not supported; set keys on the command line as key=value")
    if parsed.resolve and not (parsed.cfg or parsed.help):
        raise UserError("--resolve: expected with --cfg job, found alone")
    if parsed.shell_completion and not parsed.overrides:
        raise UserError("--shell-completion: expected install=bash or uninstall=bash after it, found nothing")


def _refuse(message: str) -> NoReturn:
    raise UserError(f"{message}; see tl-run --help")


def _terminate(_: int, __: FrameType | None) -> None:
    raise Terminated
