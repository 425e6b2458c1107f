"""What the harness does at an operation: count it, kill the process, fail, or write it down."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reliability.harness_operations import Operation

FILLING = {"open", "write", "mkdir", "rename", "fsync", "truncate", "link", "symlink"}


@dataclass
class Recorded:
    """Every operation is done and kept in `operations`, with its content."""

    operations: list[Operation] = field(default_factory=list)

    def __call__(self, operation: Operation, act: Callable[..., Any]) -> Any:
        self.operations.append(operation)
        return act(operation.content) if operation.name == "write" else act()


@dataclass
class Counted:
    """The base of what happens at operation number `at`, from 0; all others are done.

    lock: threads of a process come one after another.
    """

    at: int
    number: int = -1
    lock: Any = field(default_factory=threading.RLock, repr=False)

    def __call__(self, operation: Operation, act: Callable[..., Any]) -> Any:
        with self.lock:
            self.number += 1
            return self.do(operation, act)

    def do(self, operation: Operation, act: Callable[..., Any]) -> Any:
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, lock=threading.RLock())


def done(operation: Operation, act: Callable[..., Any], half: bool = False) -> Any:
    """Do an operation. half: of a write, so much of it."""
    if operation.name != "write":
        return act()
    content = operation.content
    return act(content[: len(content) // 2] if half else content)


@dataclass
class Killed(Counted):
    """SIGKILL before an operation. half: a write is half done by then."""

    half: bool = False

    def do(self, operation: Operation, act: Callable[..., Any]) -> Any:
        if self.number != self.at:
            return done(operation, act)
        if self.half and operation.name == "write":
            done(operation, act, half=True)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("it is still there")


@dataclass
class Failing(Counted):
    """An operation fails as the system would fail it.

    error: the number of the error. stays: whether all later ones that would fill a disk fail too.
    short: a write writes half and says so, and the next one fails.
    """

    error: int = 0
    stays: bool = False
    short: bool = False

    def do(self, operation: Operation, act: Callable[..., Any]) -> Any:
        if self.short and self.number == self.at and operation.name == "write":
            return done(operation, act, half=True)
        first = self.at + (1 if self.short else 0)
        hit = self.number == first or (self.stays and self.number > first)
        if hit and operation.name in FILLING:
            raise OSError(self.error, os.strerror(self.error), operation.path)
        return done(operation, act)


@dataclass
class Held(Counted):
    """Before an operation: say so by the file `here`, and wait for the file `go`."""

    here: str = ""
    go: str = ""

    def do(self, operation: Operation, act: Callable[..., Any]) -> Any:
        if self.number == self.at:
            Path(self.here).touch()
            wait_for(self.go)
        return done(operation, act)


def wait_for(path: str, patience: float = 60.0) -> None:
    """Wait until there is a file. Raises TimeoutError where there is none for too long."""
    end = time.monotonic() + patience
    while not Path(path).exists():
        if time.monotonic() > end:
            raise TimeoutError(f"nobody made {path}")
        time.sleep(0.005)
