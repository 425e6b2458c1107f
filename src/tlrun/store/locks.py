"""Lock files: one process at a time.

A lock goes with the process that holds it, however that ends; a process that is split from it does
not hold it further. The file says who has it, so that whoever waits can be told.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from tlrun.core.errors import Mistake, UserError
from tlrun.core.paths import no_folder

SOMEBODY = "another process"
MOST = 300  # bytes of a lock file that are read
NAMED_WITHIN = 2.0  # seconds for a process that has just taken a lock to write its name


@contextmanager
def locked(path: Path, busy: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock file `path`, which is made where there is none.

    busy: called once where another process has it, with that process in words: "process 7 on a
    host". It says so, and this one waits; or it raises. Raises OSError where there can be no file,
    UserError where something else stands in the place of its folder.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        found = no_folder(path.parent)
        raise UserError(Mistake(str(path.parent), "a folder", found, "move it away")) from None
    lock = FileLock(path)
    if (holder := _acquired_or_holder(lock, path)) is not None:
        busy(holder)
        lock.acquire()
    try:
        with suppress(OSError):  # on a full disk, or on Windows, where others may not write it
            path.write_text(f"process {os.getpid()} on {socket.gethostname()}\n", encoding="utf-8")
        yield
    finally:
        with suppress(OSError):  # nobody has it
            os.truncate(path, 0)
        lock.release()


def _acquired_or_holder(lock: FileLock, path: Path) -> str | None:
    """None once this process has the lock; else who has it.

    A process that has just taken it has not yet written its name, and one that lets go has just
    removed it: the lock is then tried again, and the name asked for again.
    """
    deadline = time.monotonic() + NAMED_WITHIN
    while True:
        try:
            lock.acquire(timeout=0)
        except Timeout:
            holder = _holder(path)
        else:
            return None
        if holder is not None:
            return holder
        if time.monotonic() > deadline:
            return SOMEBODY
        time.sleep(0.01)


def _holder(path: Path) -> str | None:
    """Who holds a lock, as its file says it; None where that is no word of ours."""
    try:
        with open(path, "rb") as file:
            text = file.read(MOST).decode().strip()
    except PermissionError:  # Windows lets nobody else read it
        return SOMEBODY
    except (OSError, UnicodeDecodeError):
        return None
    return text if text.startswith("process ") and "\n" not in text else None


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
