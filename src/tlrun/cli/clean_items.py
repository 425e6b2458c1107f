"""What `tl-run clean` may delete: what can be made again, and what nobody needs any more."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tlrun.cli.ls_stages import Kept, kept, size_of
from tlrun.store import delivered, features, openings, problems, stages, weights
from tlrun.store.found import FoundRun, runs
from tlrun.store.rundir import FOLDS, SUPERSEDED, RunDir

KINDS = {  # what may go, and the flag that asks for it
    "stage": "--stages",
    "feature set": "--cache",
    "weights file": "--cache",
    "remembered problem": "--cache",
    "unfinished run": "--failed",
    "held-out run": "--folds",
    "left-over file": "--leftovers",
    "superseded run": "--superseded",
}
NAMED = {"superseded run"}  # goes only where it is asked for: it was finished
HOMES = {
    "stage": stages.HOME,
    "feature set": features.HOME,
    "weights file": weights.HOME,
    "remembered problem": problems.HOME,
}
UNFINISHED = ("failed", "interrupted", "stopped")
RUNS = {"unfinished run": ("", UNFINISHED), "held-out run": (FOLDS, (*UNFINISHED, "finished"))}
# .<name>.<process>, as a file is called until it is whole
HALF_WRITTEN = re.compile(r"\.(?:.+)\.\d+")
COPIES = f"{delivered.HOME}/*"  # what is half-written there is a folder
WHERE = (
    "*", ".sweeps/*/*", ".studies/*", f"{openings.HOME}/*", "[!.]*/*/*/*", f"{FOLDS}/*/*/*/*",
    COPIES, f"{delivered.HOME}/[!.]*/*",
)  # fmt: skip
WRITING = 3600.0  # seconds after which nobody is writing a file any more


@dataclass(frozen=True)
class Item:
    """Something that may go.

    kind: of KINDS. lock: held by whoever works on it. used: seconds since 1970. size: in
    bytes. unchanged: whether it is still what it was when it was shown.
    """

    kind: str
    path: Path
    lock: Path
    used: float
    size: int
    unchanged: Callable[[], bool]
    remove: Callable[[], None]


def items(runs_dir: Path, kinds: Sequence[str]) -> Iterator[Item]:
    """All that may go below `runs_dir`, of some KINDS."""
    for kind, home in HOMES.items():
        if kind in kinds:
            for one in kept(runs_dir, home):
                yield _of_entry(kind, one)
    for kind, (home, statuses) in RUNS.items():
        for run in runs(runs_dir, home) if kind in kinds else ():
            if run.status in statuses:
                yield _of_run(run, kind, run.run_dir.lock)
    if "superseded run" in kinds:
        for run in runs(runs_dir, SUPERSEDED):
            name = run.run_dir.name.rpartition("_")[0]  # without its number
            lock = RunDir(runs_dir, run.run_dir.group, name).lock
            yield _of_run(run, "superseded run", lock)
    if "left-over file" in kinds:
        yield from _left_over(runs_dir)


def _of_entry(kind: str, one: Kept) -> Item:
    entry, used = one.entry, one.used
    return Item(
        kind, entry.path, entry.lock, used, one.size, lambda: entry.used == used, entry.remove
    )


def _of_run(run: FoundRun, kind: str, lock: Path) -> Item:
    def unchanged() -> bool:  # another process may have finished it by now
        return (run.run_dir.record() or {}) == run.record

    path, remove = run.run_dir.path, run.run_dir.remove
    return Item(kind, path, lock, run.used, size_of(path), unchanged, remove)


def _left_over(runs_dir: Path) -> Iterator[Item]:
    """What processes that were killed have left half-written: files, and folders of copies."""
    lock = runs_dir / ".locks" / "clean.lock"
    for pattern in WHERE:
        for path in sorted(runs_dir.glob(pattern)):
            with suppress(OSError):  # it has its name by now
                is_folder = pattern == COPIES and path.is_dir()
                if HALF_WRITTEN.fullmatch(path.name) and (is_folder or path.is_file()):
                    used = _written(path)
                    if used < time.time() - WRITING:
                        size = size_of(path) if is_folder else path.stat().st_size
                        remove = partial(shutil.rmtree, path) if is_folder else path.unlink
                        same = partial(_is_from, path, used)
                        yield Item("left-over file", path, lock, used, size, same, remove)


def _is_from(path: Path, when: float) -> bool:
    """Whether it was last written at that time. Raises FileNotFoundError where it is not there."""
    return _written(path) == when


def _written(path: Path) -> float:
    """When a file, or anything in a folder, was last written. Raises FileNotFoundError likewise."""
    return max(each.lstat().st_mtime for each in (path, *path.rglob("*")))
