"""Errors a user meets, each with its exit code.

A message says what was expected, what was found and what to do. An error that reaches `cli` prints
as one line a message, never as a traceback.
"""

from __future__ import annotations

import errno
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path


@dataclass(frozen=True)
class Mistake:
    """One mistake in what the user asked for.

    key: the option, argument or file that is wrong, such as `strategy.scope`. expected, found: what
    was asked of it and what it is; with nothing in `expected`, `found` is the whole statement.
    hint: what to do; in it `{key}` stands for the key and `{node}` for the node whose option it is,
    so that it stays right where the node is moved.
    """

    key: str
    expected: str = ""
    found: str = ""
    hint: str = ""

    def __str__(self) -> str:
        """One line, as a user meets it: key, expected, found; hint."""
        statement = self.found
        if self.expected:
            statement = f"expected {self.expected}, found {self.found}"
        if not self.hint:
            return f"{self.key}: {statement}"
        node = self.key.rpartition(".")[0]
        hint = self.hint.replace("{key}", self.key).replace("{node}", node)
        return f"{self.key}: {statement}; {hint}"

    def moved(self, before: str, after: str) -> Mistake:
        """The same mistake where the key `before`, and every key below it, is called `after`."""
        if self.key != before and not self.key.startswith(f"{before}."):
            return self
        return replace(self, key=after + self.key.removeprefix(before))


class TlrunError(Exception):
    """Base of everything tl-run raises on purpose. exit_code: of the process that it ends."""

    exit_code = 1

    @property
    def lines(self) -> tuple[str, ...]:
        """The messages, one a line, as a user meets them."""
        return tuple(str(part) for part in self.args)

    def __str__(self) -> str:
        return "\n".join(self.lines)


class UserError(TlrunError, ValueError):
    """Mistakes in what the user asked for; nothing was started. Exit code 2.

    mistakes: at least one, each a line of the message.
    """

    exit_code = 2

    def __init__(self, *mistakes: Mistake) -> None:
        super().__init__(*mistakes)
        self.mistakes = mistakes

    def moved(self, before: str, after: str) -> UserError:
        """The same mistakes where the key `before`, and every key below it, is called `after`."""
        return UserError(*(mistake.moved(before, after) for mistake in self.mistakes))


class RunFailed(TlrunError, RuntimeError):
    """A run started and could not be finished. Exit code 1.

    reason: why, in a line. path: the folder of the run; None where it is not known.
    """

    def __init__(self, reason: str, path: Path | None = None) -> None:
        super().__init__(reason, path)
        self.reason, self.path = reason, path

    @property
    def lines(self) -> tuple[str, ...]:
        """The reason, after the folder of the run where that is known."""
        if self.path is None:
            return (self.reason,)
        return (f"{self.path}: {self.reason}",)


class Terminated(BaseException):
    """SIGTERM, or the signal of the given number, arrived.

    Not an Exception, so that nothing but the end of the run catches it.
    """


STOPPED = (KeyboardInterrupt, Terminated)  # what a signal is raised as


SMALLER_LR = "try a smaller optimizer.lr"  # where training is not finite, or far off
UNMAPPED = "failed to map segment"  # of code that is imported
# Of memory that is not there, in the messages of torch, CUDA, numpy and the operating system; torch
# raises a plain RuntimeError on a processor.
NO_MEMORY = (
    "allocate memory", "out of memory", "OutOfMemory", "ALLOC_FAILED", "bad_alloc",
    "Storage size calculation overflowed", "array is too big",
)  # fmt: skip
NO_SPACE = ("No space left on device", "Disk quota exceeded")  # likewise, of the disk


def out_of_memory(error: BaseException) -> str:
    """What to say and to try where memory was too little, in a line; empty of any other error."""
    message = one_line(error)
    if isinstance(error, ImportError) and UNMAPPED in message:
        return f"too little memory, or code on a file system that may run none ({message})"
    if not isinstance(error, MemoryError) and not any(sign in message for sign in NO_MEMORY):
        return ""
    smaller = "a smaller trainer.batch_size, sweep.jobs or backbone, or trainer.precision=bf16"
    return f"out of memory; try {smaller} ({message})"


def disk_full(error: BaseException) -> str:
    """What to say and to do where the disk, or one's share of it, is full; else empty."""
    by_number = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    # as of safetensors, and of shutil where it copies a folder
    if not by_number and not any(sign in str(error) for sign in NO_SPACE):
        return ""
    return "no space left on the disk; free some (tl-run clean), then the same command goes on"


def of_machine(error: BaseException) -> str:
    """Why something failed for want of memory, disk or a file, in a line; empty of another error.

    It says what to do where that is known.
    """
    if told := out_of_memory(error) or disk_full(error):
        return told
    if not isinstance(error, OSError):
        return ""
    if error.filename is None or not error.strerror:
        return one_line(error)
    return f"{error.filename}: {error.strerror}"


def one_line(error: BaseException) -> str:
    """The type and message of any error, without a line break."""
    return " ".join(f"{type(error).__name__}: {error}".split())


class RunBusy(TlrunError, RuntimeError):
    """Another process is working on the run that was asked for. Exit code 1."""


def printable(text: str) -> str:
    """`text` with � for the control and direction characters that could take over a terminal."""
    return "".join(c if c.isprintable() else "�" for c in text)


def say(*lines: str) -> None:
    """Print `lines` on the error stream, each after `tl-run:` and made `printable`."""
    for line in lines:
        print(f"tl-run: {printable(line)}", file=sys.stderr)


def closest(name: str, valid: Sequence[str], alike: float = 0.5) -> str | None:
    """The valid name that an unknown `name` is a misspelling of; None where none is near.

    alike: from which share of common letters on one is near. Capitals, and - for _, make no
    difference.
    """
    by_plain = {_plain(each): each for each in reversed(valid)}
    near = get_close_matches(_plain(name), list(by_plain)[::-1], n=1, cutoff=alike)
    return by_plain[near[0]] if near else None


def _plain(name: str) -> str:
    return name.casefold().replace("-", "_")


def nearest(name: str, valid: Sequence[str]) -> str:
    """The hint about an unknown `name`: the nearest valid one, if any is near, then all of them."""
    every = f"one of: {', '.join(valid)}" if valid else "there are none"
    near = closest(name, valid)
    return every if near is None else f"did you mean {near}? ({every})"
