"""Packed files, unpacked in memory, with a bound: a few kilobytes may unpack to any number."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

# What a file may unpack to: these bytes, or these times what it has on disk, whichever is more.
MOST, TIMES = 2**28, 100


def unpacked(path: Path, opener: Callable[[Path, str], Any] = gzip.open) -> bytes:
    """All bytes of a packed file.

    opener: of its format, as gzip.open. Raises ValueError where it unpacks to more than what is
    allowed, and what the opener raises.
    """
    most = max(MOST, TIMES * path.stat().st_size)
    with opener(path, "rb") as file:
        content: bytes = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it unpacks to more than {most:,} bytes; unpack it to read all of it")
    return content
