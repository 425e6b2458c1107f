"""sha256 of files, so that one that was changed since it was written is noticed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

# Of a run's folder: what its answers follow from, and what it says came out.
DECISIVE = (
    "config.yaml",
    "data.json",
    "preprocessing.json",
    "structure*.json",
    "model.safetensors",
)
OUTCOME = ("predictions.safetensors", "result.json")


def proved(folder: Path, patterns: Iterable[str] = (*DECISIVE, *OUTCOME)) -> list[str]:
    """The names of the files in the folder of a run that have a digest in run.json.

    patterns: those of them that are asked for.
    """
    return sorted(file.name for pattern in patterns for file in folder.glob(pattern))


def digests_of(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """sha256, in hex, of files in a folder, by their names. Raises OSError for one not there."""
    return {name: digest_of(folder / name) for name in sorted(names)}


def check_digests(folder: Path, digests: Mapping[str, str]) -> None:
    """Raise ValueError, naming the file, where one is missing or is not what it was."""
    for name, digest in digests.items():
        try:
            found = digest_of(folder / name)
        except OSError as error:
            raise ValueError(f"{folder / name}: {error.strerror}") from None
        if found != digest:
            raise ValueError(f"{folder / name}: expected the file as it was written, found another")


def digest_of_json(value: Any) -> str:
    """sha256, in hex, of what JSON says, whatever the order of its keys and its spaces.

    Raises TypeError or ValueError for what JSON cannot hold.
    """
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def digest_of(file: Path) -> str:
    """sha256 of a file, in hex. Raises OSError where it cannot be read."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
