"""Files of an archive, read without being unpacked: nothing of it is ever written.

So no name in it can leave its folder, no link in it is followed, and what unpacks to more than is
asked for is refused.
"""

from __future__ import annotations

import lzma
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from tlrun.core.errors import Mistake, UserError

TROUBLE = (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError)


def files_in(archive: Path, ending: tuple[str, ...], most: int) -> Iterator[tuple[str, bytes]]:
    """The path and the content of every file of a .tar archive, packed or not, in its order.

    ending: how the names of those end that are read. most: bytes that they may have together.
    Raises UserError where it is no such archive or damaged, holds a path that leads out of it, or
    more than `most`.
    """
    left = most
    try:
        with tarfile.open(archive) as opened:
            for member in opened:
                _check_path(member.name, archive)
                if not member.isfile() or not member.name.endswith(ending):
                    continue
                # what it says of its size is all that is read of it
                left -= member.size
                if left < 0:
                    raise wrong(archive, f"files of at most {most:,} bytes in all", "more")
                content = opened.extractfile(member)
                assert content is not None  # of a file
                with content:
                    yield member.name, content.read(member.size)
    except TROUBLE as error:
        raise wrong(archive, "a whole .tar archive", " ".join(str(error).split())) from None


def _check_path(name: str, archive: Path) -> None:
    """Raise UserError for a path that leads out of the archive's folder."""
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or name.startswith(("/", "\\")) or ":" in parts[0]:
        raise wrong(archive, "paths that stay in the archive", repr(name))


def wrong(archive: Path, expected: str, found: str) -> UserError:
    """The archive at `dataset.path` is not what was expected."""
    hint = "download it again"
    return UserError(Mistake("dataset.path", f"{expected} in {archive}", found, hint))
