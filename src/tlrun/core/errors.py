"""Errors a user meets. Each says what was expected, what was found and what to do, and carries its
exit code.

An error that reaches `cli` prints as one line a message, never as a traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from difflib import get_close_matches


class TlrunError(Exception):
    """Base of everything tl-run raises on purpose. One line per message."""

    exit_code = 1

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


class UserError(TlrunError, ValueError):
    """A mistake in what the user asked for; nothing was started. Exit code 2."""

    exit_code = 2


class RunFailed(TlrunError, RuntimeError):
    """A run started and could not be finished. Exit code 1."""


class Terminated(BaseException):
    """SIGTERM, or the signal of the given number, arrived.

    Not an Exception, so that nothing but the end of the run catches it.
    """


class RunBusy(TlrunError, RuntimeError):
    """Another process is working on the run that was asked for. Exit code 1."""


def printable(text: str) -> str:
    """`text` without the control and direction characters that could take over a terminal."""
    return "".join(c if c.isprintable() else "�" for c in text)


def say(*lines: str) -> None:
    """Lines on the error stream, as a user meets them."""
    for line in lines:
        print(f"tl-run: {printable(line)}", file=sys.stderr)


def nearest(name: str, valid: Sequence[str]) -> str:
    """The tail of a message about an unknown `name`: the nearest valid one, then all of them."""
    near = get_close_matches(name, valid, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{hint} ({'one of: ' + ', '.join(valid) if valid else 'there are none'})"
