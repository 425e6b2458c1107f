"""Packed files, unpacked in memory, with a bound: a few kilobytes may unpack to any number."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

# What a file may unpack to: these bytes, or these times what it has on disk, whichever is more.
MOST, TIMES = 2**28, 100
PART = 2**20  # bytes that are read at once


class TooMuch(ValueError):
    """A file unpacks to more than what is allowed."""


def most_bytes(size: int) -> int:
    """What a file of `size` bytes may unpack to."""
    return max(MOST, TIMES * size)


def unpacked(path: Path, opener: Callable[[Path, str], Any] = gzip.open) -> bytes:
    """All bytes of a packed file.

    opener: of its format, as gzip.open. Raises TooMuch, and what the opener raises.
    """
    most = most_bytes(path.stat().st_size)
    content = BytesIO()
    with opener(path, "rb") as file:
        while part := file.read(PART):  # all at once would set memory aside for the most there is
            content.write(part)
            if content.tell() > most:
                hint = "unpack it to read all of it"
                raise TooMuch(f"it unpacks to more than {most:,} bytes; {hint}")
    return content.getvalue()


def unpacked_zip(content: bytes) -> bytes:
    """A zip archive with the same entries, none of them packed.

    Whoever reads it reads what was counted here, however a reader of its own would have taken
    `content`. Raises TooMuch, and whatever zipfile raises of what is no archive.
    """
    most = most_bytes(len(content))
    written = BytesIO()
    with ZipFile(BytesIO(content)) as packed, ZipFile(written, "w") as plain:
        if sum(entry.file_size for entry in packed.infolist()) > most:
            raise TooMuch(f"it unpacks to more than {most:,} bytes")
        for entry in packed.infolist():
            plain.writestr(ZipInfo(entry.filename), packed.read(entry))  # of no time
    return written.getvalue()
