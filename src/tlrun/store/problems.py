"""What a plan needs of a problem, remembered, so that a finished run is found without its data.

    <runs_dir>/.cache/problems/<key>/
      problem.json    the problem without its arrays, the files it was read from, and what read them
      manifest.json   digests

It counts only while every file is what it was: path, size, times of writing and of change, inode
and device, of which the time of change cannot be set by a program. Where anything is in doubt there
is nothing remembered, and the data are read.
"""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tlrun.core.json_text import parsed
from tlrun.core.options import strict
from tlrun.store.entries import Damaged, entry

HOME = ".cache/problems"
# Seconds for which a file must have been left alone before this process began: a clock that ticks
# in whole seconds, or runs behind, could give another write the same time, and what a process has
# read it may have kept.
SETTLED = 10.0
BEGUN = time.time()

State = list[Any]  # of one file: path, size, times, inode, device, and the path that names it


def states_of(files: Iterable[Path]) -> list[State] | None:
    """What tells whether any of `files` has changed; None where that cannot be told."""
    if os.name != "posix":  # elsewhere the time of change is another thing
        return None
    states: list[State] = []
    folders: dict[Path, Path] = {}
    try:
        for file in files:
            folder = folders.get(file.parent)
            if folder is None:  # many files are in few folders
                folder = folders[file.parent] = file.parent.resolve(strict=True)
            path = folder / file.name
            status = path.lstat()
            if stat.S_ISLNK(status.st_mode):
                path = path.resolve(strict=True)
                status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                return None
            times = [status.st_mtime_ns, status.st_ctime_ns]
            # of a linked image the name of the link says what it shows
            named = os.path.abspath(file)  # noqa: PTH100  # Path.absolute keeps ..
            states.append([str(path), status.st_size, *times, status.st_ino, status.st_dev, named])
    except (OSError, RuntimeError, ValueError):  # a circle of links; a path that holds a NUL
        return None
    return states or None  # data that come from no file come from who knows where


def settled(states: Iterable[State]) -> bool:
    """Whether the last change of every file is so long past that another would show."""
    newest = (BEGUN - SETTLED) * 1e9
    return all(max(state[2:4]) < newest for state in states)


def recall(
    runs_dir: Path, key: str, made_with: Mapping[str, Any], states: list[State]
) -> dict[str, Any] | None:
    """The description that `remember` was given under `key`, if all else is as it was then.

    made_with: all beside the files that decides what is read. states: of the files, now.
    """
    try:
        files = entry(runs_dir, HOME, key).read()
        kept = parsed((files or {})["problem.json"])
        same = kept["made with"] == strict(made_with) and kept["files"] == states
        return kept["problem"] if same else None
    except (Damaged, OSError, KeyError, TypeError, ValueError):
        return None


def remember(
    runs_dir: Path,
    key: str,
    made_with: Mapping[str, Any],
    states: list[State],
    description: Mapping[str, Any],
) -> None:
    """Keep a description, where it can be written and JSON gives it back as it is."""
    kept = {"made with": strict(made_with), "files": states, "problem": description}
    with suppress(OSError, TypeError, ValueError):
        text = json.dumps(kept, indent=2, allow_nan=False, ensure_ascii=False)
        if json.loads(text) == kept:
            entry(runs_dir, HOME, key).write({"problem.json": text.encode()})


def forget(runs_dir: Path, key: str) -> None:
    """Take away what is remembered under `key`."""
    with suppress(OSError):
        entry(runs_dir, HOME, key).remove()
