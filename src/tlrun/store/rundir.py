"""Run directories: one run, one seed, one folder, whose name ends in a digest of what it is.

    <runs_dir>/digits/parameter_transfer/lam=1_seed=0_3fa2b1c09d4e/
      config.yaml  run.json  metrics.jsonl  result.json  predictions.safetensors  model.safetensors
      final.json  final.safetensors   where `tl-run final` has opened sealed test rows for it

run.json says how it went (status, fingerprint, seconds); result.json what came out, and nothing
that another run of the same bits would say differently. A run is finished when run.json says so,
and it says so last.
"""

from __future__ import annotations

import errno
import math
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from tlrun.core.errors import Mistake, RunBusy, UserError
from tlrun.core.notes import Note, Waiting
from tlrun.store.files import append_json, read_json, sync_folder, write_json, write_whole
from tlrun.store.locks import locked
from tlrun.store.shapes import RECORD, fitting

Status = Literal["running", "finished", "failed", "interrupted"]
RESULT_KEYS = ("headline", "metrics", "tested", "labels", "steps", "examples", "size")
FOLDS = ".folds"  # the folder of runs that test on a part of their own labels
# What a finished run holds, where it does not say so itself.
FILES = ("config.yaml", "metrics.jsonl", "predictions.safetensors", "model.safetensors")


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

    def result(self, record: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """result.json of a finished run.

        record: what run.json says; None: it is read.

        Raises OSError or ValueError where it cannot be read or lacks something, where a score is no
        number, or where another file of a finished run is missing.
        """
        result = read_json(self.path / "result.json")
        lacking = [key for key in RESULT_KEYS if key not in result]
        if lacking:
            raise ValueError(f"result.json lacks {', '.join(lacking)}")
        for value in _scores(result):
            if value is not None and not _is_number(value):
                raise ValueError(f"result.json holds {value!r} where a score is to be")
        said = record if record is not None else self.record() or {}
        with os.scandir(self.path) as inside:
            there = {entry.name for entry in inside if entry.is_file()}
        missing = [name for name in said.get("files", FILES) if name not in there]
        if missing:
            raise ValueError(f"{', '.join(missing)} missing")
        return result

    def begin(self, config: str, record: Mapping[str, Any]) -> None:
        """Make the folder anew; what stood there before is moved to .superseded, not lost.

        config: the text of config.yaml. record: what run.json says beside status, process and time.
        """
        if self.path.exists():
            self._set_aside()
        self.path.mkdir(parents=True)
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
        """Write to run.json how and when the run ended, and `record` beside what it said."""
        started = self.record() or {}
        write_json(self.path / "run.json", {**started, "status": status, "ended": _now(), **record})

    def _set_aside(self) -> None:
        """Move the folder to <runs_dir>/.superseded/, under the first free number."""
        home = self.runs_dir / ".superseded" / self.group
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

        def busy() -> None:
            owner = self.record() or {}
            who = "another process"
            if owner.keys() >= {"pid", "host"}:
                who = f"process {owner['pid']} on {owner['host']}"
            if not wait:
                raise RunBusy(f"{self.path}: {who} is working on this run; wait for it, or stop it")
            note(Waiting(path=self.path, who=who, doing="working on this run"))

        return locked(self.lock, busy)


def check_writable(runs_dir: Path) -> None:
    """Raise UserError where `runs_dir` cannot be made or written. Leaves nothing behind."""
    made = [folder for folder in (runs_dir, *runs_dir.parents) if not folder.exists()]
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        probe = runs_dir / f".probe.{os.getpid()}"
        probe.touch()
        probe.unlink()
        for folder in made:
            folder.rmdir()
    except OSError as error:
        found = f"{runs_dir}: {error.strerror}"
        raise UserError(Mistake("runs_dir", "a folder that can be written", found)) from None


def _started() -> dict[str, Any]:
    return {
        "status": "running",
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "started": _now(),
    }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _is_number(value: object) -> bool:
    """Whether a value of JSON is a finite number; true is none."""
    return isinstance(value, int | float) and type(value) is not bool and math.isfinite(value)


def _scores(result: Mapping[str, Any]) -> Iterator[object]:
    """Every value in a result.json that is to be a score or None."""
    try:
        for key in ("val", "test", "val_loss"):
            yield result["headline"].get(key)
        for of_split in result["metrics"].values():
            for of_task in of_split.values():
                yield from of_task.values()
    except AttributeError:  # no mapping
        raise ValueError("result.json holds no table of scores") from None
