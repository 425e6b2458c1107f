"""Command lines of overrides and Hydra's flags: argv → preflight → session → exit code."""

from __future__ import annotations

import signal
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from hydra._internal.utils import get_args_parser

from tlrun.cli.completion import shell_completion
from tlrun.cli.mistyped import check_flags, check_words
from tlrun.cli.subcommands import SUBCOMMANDS
from tlrun.config.hydra_main import through_hydra
from tlrun.config.overrides import forced, rewrite
from tlrun.config.preflight import Request, preflight
from tlrun.config.user_folder import check_folder
from tlrun.core.errors import Mistake, UserError
from tlrun.core.paths import own_path

if TYPE_CHECKING:
    from tlrun.sweeps.executors.base import Executor

DRY_RUN, WIDE = "--dry-run", "--wide"
FLAGS = {DRY_RUN, WIDE, "--version"}  # beside Hydra's
REFUSED = 2  # the exit code where Hydra has answered a flag with a refusal


def enter(argv: Sequence[str]) -> int:
    """Do what a command line of overrides and Hydra's flags says. Returns the exit code.

    Raises UserError, with nothing started or written.
    """
    own, argv = _own_flags(argv)
    arguments = [rewrite(argument) for argument in argv]
    parser = get_args_parser()
    check_flags(arguments, FLAGS | parser._option_string_actions.keys())  # noqa: SLF001  # argparse tells them in no other way
    parser.error = _refuse  # type: ignore[method-assign]  # one line, not argparse's usage
    parsed = parser.parse_intermixed_args(arguments)
    _refuse_flags(parsed)
    if not parsed.shell_completion:
        check_words(parsed.overrides, SUBCOMMANDS)
    flags = [argument for argument in arguments if argument not in parsed.overrides]
    if parsed.shell_completion:
        return shell_completion(parsed.overrides)
    if parsed.hydra_help:
        return _answered_by_hydra([*parsed.overrides, *flags])
    folder = _config_dir(parsed.config_dir)
    if folder is not None:
        flags = [flag for flag in flags if flag != parsed.config_dir]
        flags = [flag for flag in flags if not flag.startswith("--config-dir")]
        flags += ["--config-dir", str(folder.resolve())]  # the very folder that was checked
    request = preflight(parsed.overrides, parsed.multirun, folder)
    if parsed.cfg or parsed.info:
        return _print_config(request, flags)
    again = []
    if folder is not None:
        again = ["--config-dir", parsed.config_dir]
    if own.dry_run:
        from tlrun.cli.dry_run import dry_run

        return dry_run(request, again)
    return _carry_out(request, again, flags, own.wide)


@dataclass(frozen=True)
class _Own:
    """Flags that are tl-run's own, not Hydra's. wide: sizes, paths and legends too."""

    dry_run: bool = False
    wide: bool = False


def _own_flags(argv: Sequence[str]) -> tuple[_Own, list[str]]:
    """Those of tl-run, and what is left for Hydra's parser."""
    rest = [argument for argument in argv if argument not in {DRY_RUN, WIDE}]
    return _Own(DRY_RUN in argv, WIDE in argv), rest


def _carry_out(request: Request, again: Sequence[str], flags: Sequence[str], wide: bool) -> int:
    """Run what was asked for.

    again: flags that the next command needs too; flags: all of them. wide: as of `Session`.
    """
    from tlrun.cli.session import Session
    from tlrun.store.room import check_writable

    runs_dir = request.jobs[0].run.runs_folder
    if not runs_dir.is_dir():  # else what is finished there may be all that is asked for
        check_writable(runs_dir)
    session = Session(request, again, wide)
    if not request.multirun:
        return session.run()
    if hasattr(signal, "SIGPIPE"):  # a process that is gone must not take the launcher along
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    def elsewhere(part: Request) -> Executor | None:
        """What carries out the runs of the command, or of a part of it, if not this machine."""
        if not request.foreign_launcher:
            return None
        from tlrun.cli.foreign_launcher import ForeignLauncher

        return ForeignLauncher([*part.overrides, *flags])

    if not request.looks:
        return session.sweep(elsewhere(request))
    from tlrun.cli.auto_seeds import auto_seeds
    from tlrun.report.looks import settled

    return auto_seeds(request, again, settled, elsewhere, wide)


def _config_dir(given: str | None) -> Path | None:
    """The folder of the user's own YAMLs, looked through. Raises UserError."""
    if given is None:
        return None
    if not given:
        raise UserError(Mistake("--config-dir", "a folder", "nothing"))
    folder = own_path(given, "--config-dir", "a folder")
    check_folder(folder)
    return folder


def _print_config(request: Request, flags: Sequence[str]) -> int:
    """Let Hydra print the config of the first job."""
    if request.multirun:
        axes = [override.lstrip("+") for override in request.overrides if "," in override]
        print(f"# the first of {len(request.jobs)} jobs; sweeps over {' '.join(axes)}")
    job = request.jobs[0]
    first = [forced(o) for o in (*job.overrides, *job.chosen) if not o.startswith("hydra.mode=")]
    return _answered_by_hydra([*first, *flags])


def _answered_by_hydra(argv: Sequence[str]) -> int:
    """For flags that Hydra answers by itself. Overrides first: it cannot read one after a flag."""
    if through_hydra(lambda _: None, argv):  # it gave up
        return REFUSED
    return 0


def _refuse_flags(parsed: Namespace) -> None:
    """Refuse flags that tl-run does not support, or that Hydra answers with a traceback.

    Raises UserError.
    """
    for flag in ("config_path", "config_name"):
        if getattr(parsed, flag) is not None:
            name, own = f"--{flag.replace('_', '-')}", "experiments among them"
            found = "not supported, for it would replace tl-run's own"
            hint = f"YAMLs of your own, {own}, come with --config-dir FOLDER"
            raise UserError(Mistake(name, found=found, hint=hint))
    if parsed.experimental_rerun is not None:
        instead = "a run's config.yaml says what it was"
        raise UserError(Mistake("--experimental-rerun", found="not supported", hint=instead))
    if parsed.resolve and not parsed.cfg:
        raise UserError(Mistake("--resolve", "it with --cfg job", "it alone"))
    found = " ".join(parsed.overrides) or "nothing"
    if parsed.hydra_help and parsed.overrides:
        raise UserError(Mistake("--hydra-help", "nothing after it", found))
    names = ("run", "multirun", "cfg", "info", "shell_completion")
    commands = [f"--{name.replace('_', '-')}" for name in names if getattr(parsed, name)]
    if len(commands) > 1:
        raise UserError(Mistake(commands[1], "one command", " and ".join(commands)))


def _refuse(message: str) -> NoReturn:
    raise UserError(Mistake("command line", found=message, hint="see tl-run --help"))
