"""What is kept of a sweep: which runs it is made of, how it went, and what its processes said.

    <runs_dir>/.sweeps/<id>/
      sweep.json   logs/<run>.log

The id is that of the runs it asks for, so the same sweep has the same folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlrun.store.files import write_json
from tlrun.store.locks import is_held
from tlrun.store.rundir import RunDir

SWEEPS = ".sweeps"


@dataclass(frozen=True)
class SweepDir:
    """The folder of one sweep, there or not yet."""

    path: Path

    @classmethod
    def of(cls, runs_dir: Path, asked: Sequence[RunDir]) -> SweepDir:
        """The folder of the sweep that asks for these runs, in whatever order."""
        names = sorted({f"{run_dir.group}/{run_dir.name}" for run_dir in asked})
        digest = hashlib.sha256(json.dumps(names).encode()).hexdigest()
        return cls(runs_dir / SWEEPS / digest[:12])

    @property
    def logs(self) -> Path:
        """The folder of the logs."""
        return self.path / "logs"

    def log(self, run_dir: RunDir) -> Path:
        """The file in which the process of a run writes what it prints."""
        return self.logs / f"{run_dir.group.replace('/', '_')}_{run_dir.name}.log"

    def add(self, log: Path, text: str) -> None:
        """Append the line `text` to the `log` of a process that could not write it itself.

        A disk that is full fails no sweep for that.
        """
        with suppress(OSError):
            log.parent.mkdir(parents=True, exist_ok=True)
            with open(log, "a", encoding="utf-8") as file:
                file.write(f"{text}\n")

    def forget(self, run_dirs: Iterable[RunDir]) -> None:
        """Take away the logs of runs: what failed at one time is no news once it is begun anew.

        Those of runs that another process has stay.
        """
        if not self.logs.is_dir():
            return
        for run_dir in run_dirs:
            log = self.log(run_dir)
            if log.exists() and not is_held(run_dir.lock):
                with suppress(OSError):
                    log.unlink()

    def tidy(self, logs: Sequence[Path]) -> None:
        """Take away those of `logs` that are empty, and their folder where none is left."""
        with suppress(OSError):  # one that was never made
            for log in logs:
                if log.exists() and log.stat().st_size == 0:
                    log.unlink()
            self.logs.rmdir()  # fails where some are left

    def write(self, record: Mapping[str, Any]) -> None:
        """Write sweep.json anew: `record` says which runs there are, and how each stands.

        Not on a disk that is full or only read: the folders of the runs say it too.
        """
        with suppress(OSError):
            self.path.mkdir(parents=True, exist_ok=True)
            write_json(self.path / "sweep.json", record)
