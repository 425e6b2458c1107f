"""Whether a folder can be written, and has room, before anything is trained for it."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path

from tlrun.core.errors import Mistake, UserError

FULL = (errno.ENOSPC, errno.EDQUOT)  # of a disk, or a quota
ONLY_READ = (errno.EROFS, errno.EACCES, errno.EPERM)  # why a file cannot be written


def check_writable(runs_dir: Path) -> None:
    """Raise UserError where `runs_dir` cannot be made or written. Leaves nothing behind."""
    made = [folder for folder in (runs_dir, *runs_dir.parents) if not folder.exists()]
    probe = runs_dir / f".probe.{os.getpid()}"
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        try:
            probe.touch()
        finally:
            probe.unlink(missing_ok=True)
        for folder in made:
            folder.rmdir()
    except OSError as error:
        found = f"{runs_dir}: {error.strerror}"
        raise UserError(Mistake("runs_dir", "a folder that can be written", found)) from None


@contextmanager
def or_only_read(
    lock: AbstractContextManager[None], runs_dir: Path, finished: Callable[[], bool]
) -> Iterator[None]:
    """Hold a `lock`; on a disk that is only read, a run that is `finished` needs none.

    Raises UserError where one that is not cannot be written, OSError where its lock cannot.
    """
    with ExitStack() as held:
        try:
            held.enter_context(lock)
        except OSError as error:
            if error.errno not in ONLY_READ:
                raise
            if not finished():
                check_writable(runs_dir)
                raise
        yield


def is_full(error: OSError) -> bool:
    """Whether a file could not be written because there is no room for it."""
    return error.errno in FULL


def check_room(folder: Path, size: int) -> None:
    """Raise UserError where the disk of `folder` has not even `size` bytes left.

    A quota is not seen: that is met as it is written.
    """
    with suppress(OSError):  # a disk that does not say
        free = shutil.disk_usage(folder).free
        if free < size:
            expected = f"room for {size / 1e6:,.1f} MB, what the run keeps at least"
            found = f"{free / 1e6:,.1f} MB free in {folder}"
            hint = "free some (tl-run clean), or take another folder"
            raise UserError(Mistake("runs_dir", expected, found, hint))
