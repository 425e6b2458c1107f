"""Files that are either whole or absent: written aside, then renamed.

That holds for a process that is killed. For a machine that loses power it holds once the files are
synced, which costs more than writing them: what many files are worth together is synced together.

JSON is strict; there is no pickle. Every function raises OSError where a file cannot be written or
read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tlrun.core.json_text import parsed
from tlrun.core.options import strict

MOST_JSON = 2**28  # bytes of a file of JSON: a hundred times the largest of ours


def write_whole(path: Path, content: bytes, synced: bool = True) -> None:
    """Put `content` at `path` so that a crash at any moment leaves the old file or the new one.

    synced: whether a loss of power leaves one of them too.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with open(aside, "wb") as file:
        file.write(content)
        if synced:
            file.flush()
            os.fsync(file.fileno())
    aside.replace(path)
    if synced:
        sync_folder(path.parent)


def sync_files(folder: Path) -> None:
    """Make every file in `folder`, and their names, outlast a loss of power."""
    for path in sorted(folder.iterdir()):
        if path.is_file():
            with open(path, "rb+") as file:  # Windows syncs only what could be written
                os.fsync(file.fileno())
    sync_folder(folder)


def sync_folder(path: Path) -> None:
    """Make the names in the folder `path` as durable as its files."""
    if os.name != "posix":
        return  # Windows cannot open a folder, and does not need it
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_json(path: Path, value: Mapping[str, Any], synced: bool = True) -> None:
    """Write `value` whole, indented, for people and programs. Raises ValueError for a nan in it.

    synced: as of `write_whole`.
    """
    text = json.dumps(strict(value), indent=2, allow_nan=False, ensure_ascii=False)
    write_whole(path, f"{text}\n".encode(), synced)


def append_json(path: Path, value: Mapping[str, Any]) -> None:
    """Append `value` as one line. Raises ValueError for a nan in it."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(strict(value), allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """The object in the file `path`.

    Raises ValueError where it holds no JSON object, and where it is larger than any of ours.
    """
    with open(path, "rb") as file:
        content = file.read(MOST_JSON + 1)
    if len(content) > MOST_JSON:
        raise ValueError(f"{path.name}: expected at most {MOST_JSON:,} bytes of JSON")
    value = parsed(content)
    if not isinstance(value, dict):
        raise ValueError(f"{path.name}: expected a JSON object")  # noqa: TRY004
    return value
