"""Files that are either whole or absent: written aside, then renamed.

That holds for a process that is killed. For a machine that loses power it holds once the files are
synced, which costs more than writing them: what many files are worth together is synced together.

JSON is strict; there is no pickle. Every function raises OSError where a file cannot be written or
read.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tlrun.core.errors import STOPPED
from tlrun.core.json_text import parsed
from tlrun.core.options import strict
from tlrun.core.paths import open_file
from tlrun.core.signals import raised

BLOCK = 4096  # bytes that a file has on the disk at least, where it has any
# Of a file system that syncs no folders, and of a folder that others may only write into.
UNSYNCED = (errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM)
MOST_JSON = 2**28  # bytes of a file of JSON: a hundred times the largest of ours


@raised()
def write_whole(path: Path, content: bytes, synced: bool = True) -> None:
    """Put `content` at `path` so that a crash at any moment leaves the old file or the new one.

    synced: whether a loss of power leaves one of them too.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(aside, "wb") as file:
            file.write(content)
            if synced:
                file.flush()
                os.fsync(file.fileno())
        aside.replace(path)
    except (Exception, *STOPPED):  # a full disk is not filled further, a signal leaves nothing
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    if synced:
        sync_folder(path.parent)


def write_over(path: Path, content: bytes) -> None:
    """Put `content` in place of what the file `path` holds: a disk that is full has room for that.

    A crash on the way leaves neither. Raises OSError where the content may not fit into the blocks
    that the file has.
    """
    with open(path, "r+b") as file:
        if len(content) > max(BLOCK, file.seek(0, os.SEEK_END)):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        file.seek(0)
        file.write(content)
        file.truncate()


@contextmanager
def whole_folder(path: Path, synced: bool = True) -> Iterator[Path]:
    """A folder to write into, which is put at `path` in the end: whole, or not at all.

    What stood there goes then. synced: as of `write_whole`. Where it fails, what it has written so
    far is taken away: a full disk is not filled further.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with raised():
        shutil.rmtree(aside, ignore_errors=True)
        try:
            aside.mkdir(parents=True)
            yield aside
            if synced:
                for folder in [*aside.rglob("*/"), aside]:
                    sync_files(folder)
            remove(path)
            aside.rename(path)
            if synced:
                sync_folder(path.parent)
                sync_folder(path.parent.parent)  # which may have been made for this one
        except (Exception, *STOPPED):
            shutil.rmtree(aside, ignore_errors=True)
            raise


def remove(path: Path) -> None:
    """Take away what is at `path`, if anything: a folder, a file or a link."""
    if path.is_file() or path.is_symlink():
        path.unlink()
    shutil.rmtree(path, ignore_errors=True)


def sync_files(folder: Path) -> None:
    """Make every file in `folder`, and their names, outlast a loss of power."""
    for path in sorted(folder.iterdir()):
        if path.is_file():
            mode = "rb" if os.name == "posix" else "rb+"  # Windows syncs only what may be written
            with open(path, mode) as file:
                os.fsync(file.fileno())
    sync_folder(folder)


def sync_folder(path: Path) -> None:
    """Make the names in the folder `path` as durable as its files, where that can be asked for."""
    if os.name != "posix":
        return  # Windows cannot open a folder, and does not need it
    try:
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        if error.errno not in UNSYNCED:
            raise


def write_json(path: Path, value: Mapping[str, Any], synced: bool = True) -> None:
    """Write `value` whole, indented, for people and programs. Raises ValueError for a nan in it.

    synced: as of `write_whole`.
    """
    write_whole(path, as_json(value), synced)


def as_json(value: Mapping[str, Any]) -> bytes:
    """The content of a JSON file. Raises ValueError for a nan in it."""
    text = json.dumps(strict(value), indent=2, allow_nan=False, ensure_ascii=False)
    return f"{text}\n".encode()


def as_line(value: Mapping[str, Any]) -> str:
    """A line of a file of JSON lines. Raises ValueError for a nan in it."""
    return json.dumps(strict(value), allow_nan=False, ensure_ascii=False) + "\n"


def append_json(path: Path, value: Mapping[str, Any]) -> None:
    """Append `value` as one line. Raises ValueError for a nan in it."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(as_line(value))


def read_json(path: Path) -> dict[str, Any]:
    """The object in the file `path`.

    Raises ValueError where it holds no JSON object, and where it is larger than any of ours.
    """
    with open_file(path) as file:
        # not as many as may be read at most: Python sets the memory for them aside
        if os.fstat(file.fileno()).st_size > MOST_JSON:
            raise ValueError(f"{path.name}: expected at most {MOST_JSON:,} bytes of JSON")
        value = parsed(file.read())
    if not isinstance(value, dict):
        raise ValueError(f"{path.name}: expected a JSON object")  # noqa: TRY004
    return value
