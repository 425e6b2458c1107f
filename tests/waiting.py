"""Waiting for what another process or thread does: for a condition, never for a time."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import pytest

from tlrun.core import signals

# Seconds, however slow the machine. Its passing is a failure: what was awaited will never come.
PATIENCE = 600.0


def until(condition: Callable[[], object], what: str) -> None:
    """Return once `condition` holds; fail, saying `what` never came, where it never does."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"{what}: waited {PATIENCE:g} s for it, in vain")
        time.sleep(0.02)


@contextmanager
def started(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A process, which is gone at the end, whatever becomes of the test."""
    with subprocess.Popen(command, text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def until_it(process: subprocess.Popen[str], condition: Callable[[], object], what: str) -> None:
    """`until`, for something that `process` does; fail at once where it has ended without it."""
    until(lambda: condition() or process.poll() is not None, what)
    if not condition():
        pytest.fail(f"{what}: the process ended with exit code {process.returncode} instead")


def stopped(*_: object) -> NoReturn:
    """SIGTERM comes now, as to a command: raised, as Terminated, where something has begun.

    Put in place of what a test stops in.
    """

    def lost(_: int) -> NoReturn:
        pytest.fail("it ended at once, and what was begun stays")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(signals, "end", lost)
        for name, value in (("process", os.getpid()), ("came", 0), ("since", 0.0), ("code", None)):
            patched.setattr(signals._State, name, value)
        signals._handle(signal.SIGTERM, None)
    raise AssertionError("it was swallowed")
