"""Durable operations: what a process does to files below a folder, each handed to a hook first.

What counts is what the system is asked for: a buffered file writes when it is flushed, and that
write is one operation. `test_operations.py` counts the same with strace.
"""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

CHANGING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


@dataclass(frozen=True)
class Operation:
    """One operation, before it is done.

    name: open (to write), write, fsync, rename, mkdir, rmdir, unlink, utime, truncate or link.
    path: of the file or folder. to: of a rename, where to. content: of a write, at byte `at`. size:
    of a truncate. empties: of an open, whether what is there goes. folder: of an fsync, whether it
    is of a folder.
    """

    name: str
    path: str
    to: str = ""
    content: bytes = b""
    at: int = 0
    size: int = 0
    empties: bool = False
    folder: bool = False


# What is called in place of an operation. It is given the operation and what does it (a write:
# what writes the bytes it is given), and gives what that gave.
Hook = Callable[[Operation, Callable[..., Any]], Any]


@contextmanager
def watched(root: Path, hook: Hook) -> Iterator[None]:
    """Every durable operation of this process below `root` goes through `hook`."""
    watch = _Watch(os.path.realpath(root), hook)
    places: list[tuple[Any, str, Any]] = [
        (builtins, "open", watch.file(builtins.open)),
        (io, "open", watch.file(io.open)),
        (os, "open", watch.opened(os.open)),
        (os, "write", watch.written(os.write)),
    ]
    for name in ("mkdir", "rmdir", "unlink", "remove", "utime"):
        places += [(os, name, watch.of_path(name, getattr(os, name)))]
    for name in ("rename", "replace", "link", "symlink"):
        places += [(os, name, watch.of_two(name, getattr(os, name)))]
    for name in ("fsync", "fdatasync"):
        places += [(os, name, watch.synced(getattr(os, name)))]
    for name in ("truncate", "ftruncate"):
        places += [(os, name, watch.truncated(getattr(os, name)))]
    patches = [patch.object(*place) for place in places]
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()


@dataclass(frozen=True)
class _Watch:
    root: str
    hook: Hook

    def place(self, path: Any, folder: int | None = None) -> str | None:
        """The whole path, with the folders on the way as they are; None where it is not ours."""
        if isinstance(path, int):
            whole = str(Path(f"/proc/self/fd/{path}").readlink())
        else:
            above = "." if folder is None else Path(f"/proc/self/fd/{folder}").readlink()
            joined = Path(above, os.fsdecode(path))
            whole = str(Path(os.path.realpath(joined.parent), joined.name))
        return whole if f"{whole}/".startswith(f"{self.root}/") else None

    def file(self, real: Any) -> Any:
        def open_(file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **more: Any) -> Any:
            path = None if isinstance(file, int) else self.place(file)
            if path is None or not set(mode) & set("wax+"):
                return real(file, mode, buffering, *rest, **more)
            if buffering != -1 or more.get("opener") or more.get("closefd", True) is False:
                raise NotImplementedError("the harness knows no such file")
            raw = _Raw(file, mode.replace("t", "").replace("b", ""), self.hook, path)
            kind = io.BufferedRandom if "+" in mode else io.BufferedWriter
            buffered = kind(raw)
            return buffered if "b" in mode else io.TextIOWrapper(buffered, *rest, **more)

        return open_

    def opened(self, real: Any) -> Any:
        def open_(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            do = partial(real, path, flags, mode, dir_fd=dir_fd)
            place = self.place(path, dir_fd) if flags & CHANGING else None
            if place is None:
                return int(do())
            operation = Operation("open", place, empties=bool(flags & os.O_TRUNC))
            return int(self.hook(operation, do))

        return open_

    def written(self, real: Any) -> Any:
        def write(number: int, data: Any) -> int:
            place = self.place(number)
            if place is None:
                return int(real(number, data))
            at = os.lseek(number, 0, os.SEEK_CUR)
            operation = Operation("write", place, content=bytes(data), at=at)
            return int(self.hook(operation, partial(real, number)))

        return write

    def of_path(self, name: str, real: Any) -> Any:
        def do(path: Any, *rest: Any, dir_fd: int | None = None, **more: Any) -> Any:
            act = partial(real, path, *rest, dir_fd=dir_fd, **more)
            place = self.place(path, dir_fd)
            called = "unlink" if name == "remove" else name
            return act() if place is None else self.hook(Operation(called, place), act)

        return do

    def of_two(self, name: str, real: Any) -> Any:
        def do(source: Any, to: Any, **more: Any) -> Any:
            act = partial(real, source, to, **more)
            place, there = self.place(source), self.place(to)
            called = "rename" if name == "replace" else name
            if place is None and there is None:
                return act()
            return self.hook(Operation(called, place or "", to=there or ""), act)

        return do

    def synced(self, real: Any) -> Any:
        def sync(file: Any) -> Any:
            number = file if isinstance(file, int) else file.fileno()
            place = self.place(number)
            if place is None:
                return real(number)
            operation = Operation("fsync", place, folder=Path(place).is_dir())
            return self.hook(operation, partial(real, number))

        return sync

    def truncated(self, real: Any) -> Any:
        def truncate(path: Any, length: int) -> Any:
            place = self.place(path)
            act = partial(real, path, length)
            return (
                act()
                if place is None
                else self.hook(Operation("truncate", place, size=length), act)
            )

        return truncate


class _Raw(io.FileIO):
    """A file whose opening and writes go through the hook."""

    def __init__(self, file: Any, mode: str, hook: Hook, path: str) -> None:
        self._hook, self._path, self._appends = hook, path, "a" in mode
        operation = Operation("open", path, empties="w" in mode)
        hook(operation, partial(super().__init__, file, mode))

    def write(self, data: Any) -> int:
        at = os.fstat(self.fileno()).st_size if self._appends else self.tell()
        operation = Operation("write", self._path, content=bytes(data), at=at)
        return int(self._hook(operation, super().write))

    def truncate(self, size: int | None = None) -> int:
        length = self.tell() if size is None else size
        act = partial(super().truncate, length)
        return int(self._hook(Operation("truncate", self._path, size=length), act))
