"""sha256 of files, so that one that was changed since it was written is noticed.

run.json of a finished run says of each file of its folder the sha256, of large ones also size and
time of writing, whose folder it is, and its own sha256. A run of an older tl-run says less, and is
held to what it says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from tlrun.core.options import strict
from tlrun.core.paths import open_file

# Of a run's folder: what its answers follow from.
DECISIVE = (
    "config.yaml",
    "data.json",
    "preprocessing.json",
    "structure*.json",
    "model.safetensors",
)
OWN = "own digest"  # in run.json, of all else in it
PART = 2**18  # bytes that are read at once
LARGE = 2**20  # bytes, from which on a file is as it was while its size and time of writing are


def deciding(folder: Path) -> list[str]:
    """The names of the files in the folder of a run that its answers follow from."""
    return sorted(file.name for pattern in DECISIVE for file in folder.glob(pattern))


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


def kept_facts(folder: Path) -> dict[str, Any]:
    """What run.json is to say of the files in the folder of a run that has just finished.

    files: their names. digests: the sha256 of each but run.json. large: [size, time of writing] of
    those that are.
    """
    files = sorted(f.name for f in folder.iterdir() if f.is_file() and not f.name.startswith("."))
    others = [name for name in files if name != "run.json"]
    large = {}
    for name in others:
        if (state := _state(folder / name))[0] >= LARGE:
            large[name] = state
    return {"files": files, "digests": digests_of(folder, others), "large": large}


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """What run.json holds, and its own digest."""
    content: dict[str, Any] = json.loads(json.dumps(strict(record)))  # as it will be read
    return {**content, OWN: digest_of_json(content)}


def is_sealed(record: Mapping[str, Any]) -> bool:
    """Whether run.json is that of a finished run which says its digests, as an older one's is not.

    One that says whose folder it is has lost its own digest where it has none.
    """
    return OWN in record or "run" in record


def check_sealed(record: Mapping[str, Any], name: str = "run.json") -> None:
    """Raise ValueError where run.json is not what it was; an older tl-run's may be anything.

    name: of the file, where another is sealed so.
    """
    content = {key: value for key, value in record.items() if key != OWN}
    if is_sealed(record) and record.get(OWN) != digest_of_json(content):
        raise ValueError(f"{name} is damaged: it does not match its own digest")


def check_file(folder: Path, name: str, record: Mapping[str, Any], *, deep: bool = True) -> None:
    """Raise ValueError, naming it, where a file of a run is missing, or is not what it was.

    record: what run.json says; where that is no digest of the file, it is to be a file, if there.
    deep: whether a large file is read although its size and time of writing are what they were.
    """
    digest = of_files(record).get(name)
    if digest is None:
        check_plain(folder / name)
        return
    try:
        large = record.get("large")
        if not deep and isinstance(large, dict) and large.get(name) == _state(folder / name):
            return
        found = digest_of(folder / name)
    except OSError as error:
        raise ValueError(f"{name}: {error.strerror}") from None
    if found != digest:
        raise ValueError(f"{name} is damaged: it does not match its digest")


def check_deciding(folder: Path, record: Mapping[str, Any]) -> None:
    """Raise ValueError, naming it, where a file that decides answers is not what it was, or is new.

    record: what run.json says. Of an older tl-run's, which names no digests, each is to be a file.
    """
    digests = of_files(record)
    decided = {name for name in digests if any(fnmatchcase(name, each) for each in DECISIVE)}
    for name in sorted(decided.union(deciding(folder))):
        if digests and name not in digests:
            found = "found none, so it was put there later"
            raise ValueError(f"{name}: expected its digest in run.json, {found}")
        check_file(folder, name, record)


def check_plain(file: Path) -> None:
    """Raise ValueError where what stands there is no file, so that nobody reads it for ever."""
    try:
        odd = file.exists() and not file.is_file()
    except OSError:  # who reads it says why
        return
    if odd:
        raise ValueError(f"{file.name}: it is no file")


def of_files(record: Mapping[str, Any]) -> dict[str, Any]:
    """The digests that run.json says of files. Raises ValueError where they are of other things."""
    digests = record.get("digests", {})
    if not isinstance(digests, dict) or any("/" in n or "\\" in n for n in digests):
        raise ValueError("run.json is damaged: it holds no digests of files in its folder")
    return digests


def _state(file: Path) -> list[int]:
    status = file.stat()
    return [status.st_size, status.st_mtime_ns]


def digest_of_json(value: Any) -> str:
    """sha256, in hex, of what JSON says, whatever the order of its keys and its spaces.

    Raises TypeError or ValueError for what JSON cannot hold.
    """
    try:
        text = json.dumps(value, sort_keys=True)
    except RecursionError:
        raise ValueError("expected JSON of fewer levels") from None
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of(file: Path) -> str:
    """sha256 of a file, in hex. Raises OSError where it cannot be read."""
    with open_file(file) as opened:
        content = opened.read(PART)
        if len(content) < PART:  # at once: thousands of small files are read for a table
            return hashlib.sha256(content).hexdigest()
        opened.seek(0)
        return hashlib.file_digest(opened, "sha256").hexdigest()
