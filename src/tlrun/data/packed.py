"""Packed files, unpacked in memory, with a bound: a few kilobytes may unpack to any number."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

# What a file may unpack to: these bytes, or these times what it has on disk, whichever is more.
MOST, TIMES = 2**28, 100
PART = 2**20  # bytes that are read at once


def unpacked(path: Path, opener: Callable[[Path, str], Any] = gzip.open) -> bytes:
    """All bytes of a packed file.

    opener: of its format, as gzip.open. Raises ValueError where it unpacks to more than what is
    allowed, and what the opener raises.
    """
    most = max(MOST, TIMES * path.stat().st_size)
    content = bytearray()
    with opener(path, "rb") as file:
        while part := file.read(PART):  # all at once would set memory aside for the most there is
            content += part
            if len(content) > most:
                hint = "unpack it to read all of it"
                raise ValueError(f"it unpacks to more than {most:,} bytes; {hint}")
    return bytes(content)
