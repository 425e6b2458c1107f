"""The front door: argv → a subcommand, a flag, or a run.

Exit codes: 0; 1 a run failed or is busy, or not all could be printed; 2 a mistake of the user, and
nothing started; 129, 130 and 143 signals. Nothing is imported before it is needed: `--version` and
a typo must not wait for Hydra, nor for torch, and a signal not for anything.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from tlrun.cli import streams
from tlrun.cli.subcommands import SUBCOMMANDS
from tlrun.core import signals

# of a module whose own name is taken, or says less
FUNCTIONS = {"help": "help_of", "completion": "shell_completion"}


def command() -> NoReturn:
    """The console script and `python -m tlrun`: `main`, in a process that is ours alone to end.

    Once everything is done and said, Python would take another second or two to take torch apart.
    Handlers of `atexit` that somebody has registered before this, in a sitecustomize say, are not
    called.
    """
    signals.install()
    # no process that is started here looks for modules in its working directory
    os.environ["PYTHONSAFEPATH"] = "1"
    ending = _Ending()
    atexit.register(ending.leave)  # the first to be registered of ours is the last to be called
    try:
        main()
    except BaseException as end:
        if signals.came():  # whatever has become of it on the way
            signals.end(signals.came())
        if isinstance(end, SystemExit):
            ending.code = end.code
            if isinstance(end.code, int) and _printed():
                signals.done(end.code)
        raise


class _Ending:
    """How this process ends. code: with which; 1 is that of an exception that nobody catches."""

    def __init__(self) -> None:
        self.code: object = 1
        self.process = os.getpid()

    def leave(self) -> None:
        """End this process here, with its code, where all it has printed is out.

        Where that is not so, or in a process that was split from it, Python goes on to its own end.
        """
        if os.getpid() == self.process and isinstance(self.code, int) and _printed():
            os._exit(self.code)


def _printed() -> bool:
    """Whether all that was printed is out."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):  # there is none, it broke, it is closed
        return False
    return True


def main() -> NoReturn:
    """Do what sys.argv says, and exit with its code."""
    code = 1
    try:
        from tlrun.core.errors import Terminated, TlrunError, of_machine, say

        streams.prepare()
        try:
            code = run(sys.argv[1:])
            if why := streams.lost():
                say(f"standard output: {why}; not all of it was printed, all else was done")
                code = code or 1
        except TlrunError as error:
            say(*error.lines)
            code = error.exit_code
        except Terminated as stop:
            signals.end(stop.args[0] if stop.args else signal.SIGTERM)
        except Exception as error:
            if not (why := of_machine(error)):
                raise
            say(why)
    except KeyboardInterrupt:
        signals.end(signal.SIGINT)
    sys.exit(code)


def run(argv: Sequence[str]) -> int:
    """Do what the command line says. Returns the exit code.

    Raises UserError for a mistake in it, with nothing started or written.
    """
    first = argv[0] if argv else ""
    if "--version" in argv:
        from importlib.metadata import version

        print(f"tl-run {version('tl-run')}")
        return 0
    if first in SUBCOMMANDS:
        return _subcommand(first, argv[1:])
    if first == "--shell-completion":
        return _subcommand("completion", argv[1:])
    if {"--help", "-h"} & set(argv):
        return _subcommand("help", [word for word in argv if word not in {"--help", "-h"}])
    if first and not first.startswith("-") and "=" not in first:
        from tlrun.cli.mistyped import first_word
        from tlrun.core.errors import UserError

        raise UserError(first_word(argv, SUBCOMMANDS))

    from tlrun.cli.hydra_app import enter

    return enter(argv)


def _subcommand(name: str, arguments: Sequence[str]) -> int:
    """Call the function of that name in the module of that name beside this one."""
    module = import_module(f"tlrun.cli.{name}")
    code: int = getattr(module, FUNCTIONS.get(name, name))(arguments)
    return code
