"""What is kept of a sweep: which runs it is made of, how it went, and what its processes said.

    <runs_dir>/.sweeps/<id>/
      sweep.json   logs/<run>.log

The id is that of the runs it asks for, so the same sweep has the same folder.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlrun.store.files import write_json
from tlrun.store.rundir import RunDir


@dataclass(frozen=True)
class SweepDir:
    """The folder of one sweep."""

    path: Path

    @classmethod
    def of(cls, runs_dir: Path, asked: Sequence[RunDir]) -> SweepDir:
        """The folder of the sweep that asks for these runs."""
        names = sorted({f"{place.group}/{place.name}" for place in asked})
        return cls(
            runs_dir / ".sweeps" / hashlib.sha256(json.dumps(names).encode()).hexdigest()[:12]
        )

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def log(self, place: RunDir) -> Path:
        """Where the process of a run writes what it prints."""
        return self.logs / f"{place.group.replace('/', '_')}_{place.name}.log"

    def add(self, log: Path, text: str) -> None:
        """A last line for the log of a process that could not write it itself."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{text}\n")

    def tidy(self, logs: Sequence[Path]) -> None:
        """Take away the logs of processes that had nothing to say."""
        with suppress(OSError):  # one that was never made
            for log in logs:
                if log.exists() and log.stat().st_size == 0:
                    log.unlink()
            self.logs.rmdir()  # where none is left

    def write(self, record: Mapping[str, Any]) -> None:
        """Keep how it stands."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.path / "sweep.json", record)
