"""Files of an archive, read without being unpacked: nothing of it is ever written.

So no name in it can leave its folder, no link in it is followed, and what unpacks to more than is
asked for is refused, wherever in the archive that is: also in what is passed over, in a header, or
behind the end.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Self, cast

from tlrun.core.errors import Mistake, UserError

TROUBLE = (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError)
OPENERS: dict[bytes, Any] = {
    b"\x1f\x8b": gzip.open,
    b"\xfd7zXZ\x00": lzma.open,
    b"BZh": bz2.open,
}  # by first bytes
MEMBERS = 400_000  # in an archive, four times what the largest that we know has
PASSED = 8  # times what is asked for, which an archive may have in all


def files_in(archive: Path, ending: tuple[str, ...], most: int) -> Iterator[tuple[str, bytes]]:
    """The path and the content of every file of a .tar archive, packed or not, in its order.

    ending: how the names of those end that are read. most: bytes that they may have together.
    Raises UserError where it is no such archive or damaged, holds a path that leads out of it, a
    link or holes where a file is to be read, or more than `most`; some of it may be read by then.
    """
    left = most
    try:
        with _Bounded(archive, most) as stream:
            for count, (member, opened) in enumerate(_members(stream)):
                _check_path(member.name, archive)
                if count >= MEMBERS:
                    raise wrong(archive, f"at most {MEMBERS:,} files and folders", "more")
                if member.isdir() or not member.name.endswith(ending):
                    continue
                if not member.isfile() or member.issparse():
                    raise wrong(archive, "plain files", f"{member.name!r}, a link or with holes")
                # what it says of its size is all that is read of it
                left -= member.size
                if left < 0:
                    raise _too_much(archive, most)
                content = opened.extractfile(member)
                assert content is not None  # of a file
                with content:
                    yield member.name, content.read(member.size)
            stream.check_end()
    except TROUBLE as error:
        if isinstance(error, UserError):
            raise
        raise wrong(archive, "a whole .tar archive", " ".join(str(error).split())) from None


def _members(stream: _Bounded) -> Iterator[tuple[tarfile.TarInfo, tarfile.TarFile]]:
    """Every member of an archive and the archive, which keeps none of them in memory."""
    with tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r:") as opened:
        while (member := opened.next()) is not None:
            opened.members = []  # type: ignore[attr-defined]  # theirs, which keeps them all
            yield member, opened
        stream.seek(opened.offset)


class _Bounded:
    """The bytes of an archive, unpacked as they are read, which end with an error if they are many.

    most: that are read at once. tarfile reads a header as long as it says it is, whole.
    """

    def __init__(self, archive: Path, most: int) -> None:
        self._archive, self._most = archive, most
        self._file = self._opened()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _opened(self) -> IO[bytes]:
        with self._archive.open("rb") as file:
            first = file.read(8)
        for magic, opener in OPENERS.items():
            if first.startswith(magic):
                return cast("IO[bytes]", opener(self._archive, "rb"))
        return self._archive.open("rb")

    def read(self, size: int) -> bytes:
        """The next bytes. Raises UserError where they are too many."""
        self._check(size if size > self._most else self.tell() // PASSED)
        return self._file.read(size)

    def seek(self, position: int) -> int:
        """Go to a byte, which unpacks all before it. Raises UserError where they are too many."""
        self._check(position // PASSED)
        return self._file.seek(position)

    def tell(self) -> int:
        """How many bytes are before the next one."""
        return self._file.tell()

    def check_end(self) -> None:
        """Raise TarError unless an archive ends here, and a digest at its end is the right one.

        tarfile takes a header that is cut off, or no header, for the end.
        """
        if self._file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("no end of the archive, which is cut off or damaged")
        while self.read(tarfile.RECORDSIZE):
            pass

    def _check(self, size: int) -> None:
        if size > self._most:
            raise _too_much(self._archive, self._most)


def _check_path(name: str, archive: Path) -> None:
    """Raise UserError for a path that leads out of the archive's folder."""
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or name.startswith(("/", "\\")) or ":" in parts[0]:
        raise wrong(archive, "paths that stay in the archive", repr(name))


def _too_much(archive: Path, most: int) -> UserError:
    return wrong(archive, f"files of at most {most:,} bytes in all", "more")


def wrong(archive: Path, expected: str, found: str) -> UserError:
    """The archive at `dataset.path` is not what was expected."""
    hint = "download it again"
    return UserError(Mistake("dataset.path", f"{expected} in {archive}", found, hint))
