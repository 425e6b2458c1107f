"""Run directories: one run, one seed, one folder, whose name ends in a digest of what it is.

    <runs_dir>/digits/parameter_transfer/lam=1_seed=0_3fa2b1c09d4e/
      config.yaml  run.json  metrics.jsonl  result.json  predictions.safetensors  model.safetensors
      final.json  final.safetensors   where `tl-run final` has opened sealed test rows for it

run.json says how it went (status, fingerprint, seconds); result.json what came out, and nothing
that another run of the same bits would say differently. A run is finished when run.json says so,
and it says so last, with the digests of all files, whose folder it is, and a digest of itself.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from tlrun.core.errors import RunBusy
from tlrun.core.notes import Note, Waiting
from tlrun.store.digests import check_file, check_sealed, of_files, sealed
from tlrun.store.files import (
    append_json,
    as_json,
    read_json,
    sync_files,
    sync_folder,
    write_json,
    write_over,
    write_whole,
)
from tlrun.store.locks import locked
from tlrun.store.results import read_result
from tlrun.store.room import or_only_read
from tlrun.store.shapes import RECORD, fitting

Status = Literal["running", "finished", "failed", "interrupted"]
UNFINISHED = ("running", "interrupted", "failed")
CHECKPOINTS = "checkpoints"  # in the folder of a run that is not finished
SUPERSEDED = ".superseded"  # the folder of those that were made anew
FOLDS = ".folds"  # the folder of runs that test on a part of their own labels


@dataclass(frozen=True)
class RunDir:
    """The folder of one run below `runs_dir`, there or not yet.

    group: the folders between, such as digits/scratch. name: of the folder itself, the run's id.
    """

    runs_dir: Path
    group: str
    name: str

    @cached_property
    def path(self) -> Path:
        """The folder itself."""
        return self.runs_dir / self.group / self.name

    @classmethod
    def at(cls, path: Path) -> RunDir:
        """The folder of a run at `path`, a whole one, wherever it was moved to."""
        above = path.parent
        return cls(above.parent.parent, f"{above.parent.name}/{above.name}", path.name)

    @property
    def lock(self) -> Path:
        """The file that the process which has this run holds a lock on."""
        return self.runs_dir / ".locks" / f"{self.name}.lock"

    def record(self) -> dict[str, Any] | None:
        """run.json, what in it is of the right kind; None where no file can be read."""
        try:
            return fitting(read_json(self.path / "run.json"), RECORD)
        except (OSError, ValueError):
            return None

    @property
    def id(self) -> str:
        """What run.json says whose folder it is: the data set, the strategy, and the name."""
        return "/".join([*self.group.split("/")[-2:], self.name])

    def result(
        self, record: Mapping[str, Any] | None = None, *, moved: bool = False
    ) -> dict[str, Any]:
        """result.json of a finished run.

        record: what run.json says; None: it is read. moved: whether the folder may stand elsewhere
        than where it was made, as one that was mailed.

        Raises OSError or ValueError where it cannot be read or lacks something, is not what it was,
        or another run's, where something in it is of another kind, or where another file of a
        finished run is missing.
        """
        said = record if record is not None else self.record() or {}
        check_sealed(said)
        if not moved and said.get("run", self.id) != self.id:
            raise ValueError(f"run.json is that of {said['run']}, which was moved or copied here")
        return read_result(self.path, said)

    def prove(self, record: Mapping[str, Any], *, deep: bool = False) -> None:
        """Raise ValueError, naming it, where a file beside result.json is not what it was.

        record: what run.json says. deep: whether large files are read although their sizes and
        times of writing are what they were.
        """
        for name in sorted(of_files(record).keys() - {"result.json"}):
            check_file(self.path, name, record, deep=deep)

    def begin(self, config: str, record: Mapping[str, Any], *, goes_on: bool = False) -> None:
        """Make the folder, or make it ready to go on in.

        Of an earlier attempt that is not finished the checkpoints stay, where the run goes on from
        them; the rest is made again. What is finished is moved to .superseded, not lost.

        config: the text of config.yaml. record: what run.json says beside status, process and time.
        """
        if self._is_finished():
            self._set_aside()
        elif self.path.exists():
            self._clear(but=("run.json", CHECKPOINTS) if goes_on else ("run.json",))
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.path / "config.yaml", config.encode(), synced=False)
        write_json(self.path / "run.json", {**_started(), **record}, synced=False)

    def log(self, row: Mapping[str, Any]) -> None:
        """Append one evaluation to metrics.jsonl."""
        append_json(self.path / "metrics.jsonl", row)

    def keep_json(self, name: str, value: Mapping[str, Any]) -> None:
        """Put a JSON file beside the others."""
        write_json(self.path / name, value, synced=False)

    def keep(self, name: str, text: str) -> None:
        """Put a text file beside the others."""
        write_whole(self.path / name, text.encode(), synced=False)

    def close(self, status: Status, record: Mapping[str, Any]) -> None:
        """Write to run.json how and when the run ended, and `record` beside what it said.

        Where the disk is full, over what is there, and of a run that is not finished only.
        """
        file = self.path / "run.json"
        said = {**(self.record() or {}), "status": status, "ended": _now(), **record}
        if status == "finished":
            write_json(file, sealed({**said, "run": self.id}))
            return
        try:
            write_json(file, said)
        except OSError:
            write_over(file, as_json(said))

    def sync(self) -> None:
        """Make the files that are in the folder, and its name, outlast a loss of power."""
        sync_files(self.path)
        for folder in self.above:
            sync_folder(folder)

    @property
    def above(self) -> Iterator[Path]:
        """The folders that the name of this one, and theirs, stand in."""
        for folder in self.path.parents:
            yield folder
            if folder == self.runs_dir.parent:
                return

    def drop_checkpoints(self) -> None:
        """Take away the checkpoints, of which a finished run needs none."""
        shutil.rmtree(self.path / CHECKPOINTS, ignore_errors=True)

    def _is_finished(self) -> bool:
        """Whether there is a run that is finished, or was once and is damaged."""
        if self._status in UNFINISHED or not self.path.exists():
            return False
        return any((self.path / name).exists() for name in ("run.json", "result.json"))

    def _clear(self, but: Sequence[str]) -> None:
        """Take away all that is in the folder, save the names in `but`."""
        for path in self.path.iterdir():
            if path.name in but:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()

    def _set_aside(self) -> None:
        """Move the folder to <runs_dir>/.superseded/, under the first free number."""
        home = self.runs_dir / SUPERSEDED / self.group
        home.mkdir(parents=True, exist_ok=True)
        number = 1
        while (home / f"{self.name}_{number}").exists():
            number += 1
        self.path.rename(home / f"{self.name}_{number}")
        sync_folder(home)

    def remove(self) -> None:
        """Take the folder away, run.json last, so that what a crash leaves still counts as a run.

        Raises OSError where it cannot, or where a symbolic link on the way would lead elsewhere.
        """
        if self.path.resolve() != self.runs_dir.resolve() / self.group / self.name:
            raise OSError(errno.EXDEV, "it is behind a symbolic link")
        for path in self.path.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != "run.json":
                path.unlink()
        shutil.rmtree(self.path)

    def locked(self, wait: bool, note: Callable[[Note], None]) -> AbstractContextManager[None]:
        """Hold the run for this process alone. The lock goes with the process, however that ends.

        wait: whether to wait for another process that has it, which `note` is told of once. If not,
        raises RunBusy where another has it.
        """

        def busy(who: str) -> None:
            if not wait:
                raise RunBusy(f"{self.path}: {who} is working on this run; wait for it, or stop it")
            note(Waiting(path=self.path, who=who, doing="working on this run"))

        lock = locked(self.lock, busy)
        return or_only_read(lock, self.runs_dir, lambda: self._status == "finished")

    @property
    def _status(self) -> object:
        return (self.record() or {}).get("status")


def _started() -> dict[str, Any]:
    return {
        "status": "running",
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": _now(),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
