"""A path as somebody wrote it, checked before anything is opened: a name, and what stands there.

Names of any length, a NUL, the ~ of nobody, a device that never ends and a pipe that nobody writes
to come from configs and command lines of others; each is one line here, and no wait.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

from tlrun.core.errors import Mistake, UserError

# In bytes, on the systems that we know.
LONGEST_NAME, LONGEST_PATH = 255, 4096
# Flags of os.open, where the system has them: nobody who writes is waited for.
AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
ODD = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def own_path(
    text: str | os.PathLike[str], key: str, expected: str = "a path", hint: str = ""
) -> Path:
    """The path that a `text` names, its ~ the user's home.

    key, expected, hint: as of the Mistake where it names none. Raises UserError for nobody's home,
    for a NUL, and for a name that no system has.
    """
    try:
        path = Path(text).expanduser()
        raw = os.fsencode(path)
    except RuntimeError:
        raise UserError(Mistake(key, expected, f"{text}, nobody's home", hint)) from None
    except UnicodeEncodeError:
        raise UserError(Mistake(key, expected, f"{text}, which is no text", hint)) from None
    if b"\0" in raw:
        raise UserError(Mistake(key, expected, f"a NUL in {text}", hint))
    longest = max(map(len, raw.split(os.sep.encode())))
    if longest > LONGEST_NAME:
        found = f"{longest}: {str(text)[:40]}…"
        raise UserError(Mistake(key, f"names of at most {LONGEST_NAME} bytes", found, hint))
    if len(raw) > LONGEST_PATH:
        at_most = f"a path of at most {LONGEST_PATH} bytes"
        raise UserError(Mistake(key, at_most, f"{len(raw)}: {str(text)[:40]}…", hint))
    return path


def path_to_read(
    text: str | os.PathLike[str], key: str, expected: str = "a path", hint: str = ""
) -> Path:
    """`own_path`, where nothing stands, or a file or folder: from all else one may read for ever.

    Raises UserError as `own_path` does, and for a device, a pipe and a socket.
    """
    path = own_path(text, key, expected, hint)
    try:
        odd = ODD.get(stat.S_IFMT(path.stat().st_mode))
    except OSError:  # who reads it says why
        return path
    if odd is not None:
        raise UserError(Mistake(key, "a plain file or a folder", f"{path}, {odd}", hint))
    return path


def no_folder(path: Path) -> str:
    """What stands at a path and is no folder, in words; empty for a folder, and for nothing."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return "a link that leads to no folder" if path.is_symlink() else ""
    return "" if stat.S_ISDIR(mode) else ODD.get(stat.S_IFMT(mode), "a file")


def open_file(path: Path) -> BufferedReader:
    """A plain file, opened to read its bytes; of all else there is no wait, and no end.

    Raises OSError where it cannot be opened, and for a device, a pipe, a socket and a folder.
    """
    return open(path, "rb", opener=_plain)


def read_text(path: Path) -> str:
    """The text of a plain file. Raises OSError as `open_file` does, ValueError where it is none."""
    with open_file(path) as file:
        return file.read().decode("utf-8")


def _plain(path: str, flags: int) -> int:
    """As os.open, of a plain file only."""
    descriptor = os.open(path, flags | AT_ONCE)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "it is no file", path)
