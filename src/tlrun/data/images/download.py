"""Downloads that leave a whole data set behind or none of it, made by one process at a time."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from http.client import HTTPException
from io import StringIO
from pathlib import Path
from tarfile import TarError

from filelock import FileLock

from tlrun.core.errors import Mistake, UserError, say
from tlrun.store.downloads import PATIENCE, described

# RuntimeError: md5 differs
TROUBLE = (OSError, RuntimeError, ValueError, EOFError, HTTPException, TarError)


def into(
    root: Path,
    name: str,
    files: Sequence[str],
    fetch: Callable[[Path], object],
    there: Callable[[], object],
    said: str = "",
    patience: float = PATIENCE,
) -> None:
    """Download the set `name` into the folder `root`, all of its files or none.

    files: their paths under `root`. They are fetched into a folder beside them, then renamed, so
        that each is whole wherever it is found.
    fetch: fills a folder that it is given with the same paths.
    there: whether another process has brought them by now; then nothing is fetched.
    said: what is done, for who waits; empty: that `name` is downloaded.
    patience: seconds without an answer, after which there is no network.

    What an earlier, killed download of `name` left is removed. Raises what `fetch` raises (one of
    TROUBLE), and UserError where nothing can be written to `root`.
    """
    partial = root / f".{name}.partial"
    with _alone(root, name):
        if there():
            return
        say(f"{said or f'downloading {name}'} into {root}, once")
        shutil.rmtree(partial, ignore_errors=True)
        try:
            partial.mkdir()
            with _quiet(patience):
                fetch(partial)
            for file in files:
                (root / file).parent.mkdir(parents=True, exist_ok=True)
                (partial / file).replace(root / file)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def _alone(root: Path, name: str) -> Iterator[None]:
    """Wait until no other process downloads `name` into `root`.

    The empty lock file stays: removing it would race.
    """
    lock = FileLock(root / f".{name}.lock")
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except (OSError, ValueError) as error:
        raise UserError(
            Mistake(
                "dataset.root",
                expected=f"a folder that {name} can be downloaded into",
                found=f"{root}: {described(error)}",
                hint="try another folder",
            )
        ) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _quiet(patience: float) -> Iterator[None]:
    """No progress bars, and no waiting for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(patience)
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            yield
    finally:
        socket.setdefaulttimeout(before)
