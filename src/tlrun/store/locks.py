"""Lock files: one process at a time.

A lock goes with the process that holds it, however that ends; a process that is split from it does
not hold it further. The file says who has it, so that whoever waits can be told.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

SOMEBODY = "another process"
MOST = 300  # bytes of a lock file that are read


@contextmanager
def locked(path: Path, busy: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock file `path`, which is made where there is none.

    busy: called once where another process has it, with that process in words: "process 7 on a
    host". It says so, and this one waits; or it raises. Raises OSError where there can be no file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        busy(_holder(path))
        lock.acquire()
    try:
        with suppress(OSError):  # on a full disk, or on Windows, where others may not write it
            path.write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8")
        yield
    finally:
        with suppress(OSError):  # nobody has it
            os.truncate(path, 0)
        lock.release()


def _holder(path: Path) -> str:
    """Who holds a lock, as its file says it."""
    try:
        with open(path, "rb") as file:
            text = file.read(MOST).decode().strip()
    except (OSError, UnicodeDecodeError):
        return SOMEBODY
    return text if text.startswith("process ") and "\n" not in text else SOMEBODY


def is_held(path: Path) -> bool:
    """Whether a process holds the lock file `path` now."""
    if not path.exists():  # nobody ever held it, and asking must not make it
        return False
    try:
        with FileLock(path).acquire(timeout=0):
            return False
    except Timeout:
        return True
    except OSError:
        return False
