"""The way of a run through Hydra: argv → preflight → @hydra.main → the answer."""

from __future__ import annotations

import re
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import hydra
from hydra._internal.utils import get_args_parser

from tlrun.config.compose import prepare
from tlrun.config.overrides import forced, preflight, rewrite
from tlrun.config.user_folder import check_folder
from tlrun.core.errors import UserError

COMPLETION = re.compile(r"(install|uninstall|query)=(bash|zsh|fish)")


def enter(argv: Sequence[str]) -> int:
    """Do what a command line of overrides and Hydra's flags says. Returns the exit code.

    Raises UserError, with nothing started or written.
    """
    arguments = [rewrite(argument) for argument in argv]
    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign]  # one line, not argparse's usage
    parsed = parser.parse_intermixed_args(arguments)
    _refuse_flags(parsed)
    flags = [argument for argument in arguments if argument not in parsed.overrides]
    if parsed.shell_completion or parsed.hydra_help:
        prepare()
        return 2 * _through_hydra(_nothing, [*parsed.overrides, *flags])
    folder = Path(parsed.config_dir).expanduser() if parsed.config_dir is not None else None
    if folder is not None:
        if not parsed.config_dir:
            raise UserError("--config-dir: expected a folder, found nothing")
        check_folder(folder)
        flags = [
            flag
            for flag in flags
            if flag != parsed.config_dir and not flag.startswith("--config-dir")
        ]
        flags += ["--config-dir", str(folder.resolve())]  # the very folder that was checked
    asked = preflight(parsed.overrides, parsed.multirun, folder)
    if parsed.cfg or parsed.info:
        if asked.multirun:
            axes = [override.lstrip("+") for override in asked.overrides if override.count(",")]
            print(f"# the first of {len(asked.jobs)} jobs; sweeps over {' '.join(axes)}")
        first = [o for o in asked.jobs[0].overrides if not o.startswith("hydra.mode=")]
        return 2 * _through_hydra(_nothing, [*map(forced, first), *flags])

    from tlrun.cli.session import Session, job
    from tlrun.store.rundir import check_writable

    check_writable(Path(asked.jobs[0].config["runs_dir"]).expanduser())
    session = Session(asked, [] if folder is None else ["--config-dir", parsed.config_dir])
    # a process that is gone must not take the launcher along
    if asked.multirun and hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    refused = _through_hydra(job if asked.multirun else session.one, [*asked.overrides, *flags])
    return 1 if refused else session.close()


def _through_hydra(task: Callable[..., Any], argv: Sequence[str]) -> bool:
    """Let Hydra call `task`. Returns whether it gave up, after having said why."""
    # In this order: Hydra itself cannot read an override after a flag.
    sys.argv = [sys.argv[0], *argv]
    try:
        hydra.main(config_path="pkg://tlrun.configs", config_name="run", version_base="1.3")(task)()
    except SystemExit as end:
        return bool(end.code)
    return False


def _nothing(_: object) -> None:
    """For flags that Hydra answers by itself."""


def _refuse_flags(parsed: Namespace) -> None:
    """Raises UserError for flags of Hydra that tl-run does not support, or that Hydra answers with
    a traceback.
    """
    for flag in ("config_path", "config_name"):
        if getattr(parsed, flag) is not None:
            raise UserError(
                f"--{flag.replace('_', '-')}: not supported, for it would replace tl-run's own; "
                "YAMLs of your own, experiments among them, come with --config-dir FOLDER"
            )
    if parsed.experimental_rerun is not None:
        raise UserError("--experimental-rerun: not supported; a run's config.yaml says what it was")
    if parsed.resolve and not parsed.cfg:
        raise UserError("--resolve: expected with --cfg job, found alone")
    if parsed.shell_completion and not all(map(COMPLETION.fullmatch, parsed.overrides or [""])):
        found = " ".join(parsed.overrides) or "nothing"
        raise UserError(
            f"--shell-completion: expected install=, uninstall= or query= bash, zsh or fish, found {found}"
        )
    if parsed.hydra_help and parsed.overrides:
        raise UserError(
            f"--hydra-help: expected nothing after it, found {' '.join(parsed.overrides)}"
        )
    commands = [
        name
        for name in ("run", "multirun", "cfg", "info", "shell_completion")
        if getattr(parsed, name)
    ]
    if len(commands) > 1:
        raise UserError(
            f"expected one of --{', --'.join(commands).replace('_', '-')}, found {len(commands)}"
        )


def _refuse(message: str) -> NoReturn:
    raise UserError(f"{message}; see tl-run --help")
