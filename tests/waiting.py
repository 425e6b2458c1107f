"""Waiting for what another process or thread does: for a condition, never for a time."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

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
