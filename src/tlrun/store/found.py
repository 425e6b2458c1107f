"""The runs below a folder, read back from disk, whatever became of them.

`tl-run show`, `clean` and `doctor` read them so; they need no config and no data for it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from tlrun.core.errors import Mistake, UserError
from tlrun.core.paths import own_path
from tlrun.store.digests import check_file, is_sealed
from tlrun.store.locks import is_held
from tlrun.store.rundir import RunDir


@dataclass(frozen=True)
class FoundRun:
    """One run as it stands on disk: a folder with a file run.json.

    run_dir: the folder. record: what run.json holds (status, process, times, fingerprint, what the
        run is part of); empty where it cannot be read. moved: whether the folder may stand
        elsewhere than where it was made.
    """

    run_dir: RunDir
    record: dict[str, Any]
    moved: bool = False

    @property
    def status(self) -> str:
        """How the run went: finished, failed, interrupted, running, stopped, damaged or unreadable.

        The first four are what run.json says. A run is `stopped` where it says running but no
        process has the run, `damaged` where it says finished and result.json or run.json is not
        what it was, or a file is missing, which of an older tl-run's it does not tell, `unreadable`
        where it says nothing.
        """
        status = str(self.record.get("status", "unreadable"))
        if status == "running" and not is_held(self.run_dir.lock):
            return "stopped"
        if status == "finished" and is_sealed(self.record) and self.damage:
            return "damaged"
        return status

    @property
    def used(self) -> float:
        """When it ended, or else started; by its folder where its record says neither.

        In seconds since 1970; infinite where the folder has gone.
        """
        for key in ("ended", "started"):
            try:
                when = datetime.fromisoformat(self.record[key])
            except (KeyError, TypeError, ValueError):
                continue
            if when.tzinfo is None:
                when = when.replace(tzinfo=UTC)
            return when.timestamp()
        try:
            return self.run_dir.path.stat().st_mtime
        except OSError:
            return math.inf

    @property
    def result(self) -> dict[str, Any]:
        """result.json, read once; empty where it or a file beside it is missing or damaged."""
        return self._read[0]

    @property
    def damage(self) -> str:
        """What is wrong with result.json or the files beside it; empty where nothing is."""
        return self._read[1]

    @cached_property
    def flaw(self) -> str:
        """`damage`, or what is wrong with any other file: each small one is read for it."""
        try:
            if not self.damage:
                self.run_dir.prove(self.record)
        except (OSError, ValueError) as error:
            return " ".join(str(error).split())
        return self.damage

    @property
    def proved_status(self) -> str:
        """`status`, where a flaw of any file is damage too."""
        status = self.status
        if status == "finished" and is_sealed(self.record) and self.flaw:
            return "damaged"
        return status

    def is_whole(self, name: str) -> bool:
        """Whether a file is what it was, as far as run.json says."""
        try:
            check_file(self.run_dir.path, name, self.record)
        except ValueError:
            return False
        return True

    @cached_property
    def _read(self) -> tuple[dict[str, Any], str]:
        try:
            return self.run_dir.result(self.record, moved=self.moved), ""
        except (OSError, ValueError) as error:
            return {}, " ".join(str(error).split())


def below(arguments: Sequence[str]) -> tuple[Path, list[str]]:
    """The folder of runs that a command's arguments name, and the other arguments.

    `--runs-dir PATH`, `--runs-dir=PATH` and `runs_dir=PATH` name it; `runs` without any. Raises
    UserError where no folder follows.
    """
    runs_dir = Path("runs")
    others: list[str] = []
    rest = list(arguments)
    while rest:
        argument = rest.pop(0)
        key, equals, value = argument.partition("=")
        if key not in ("--runs-dir", "runs_dir"):
            others.append(argument)
            continue
        if not equals and rest:
            value = rest.pop(0)
        if not value:
            raise UserError(Mistake("--runs-dir", "a folder after it", "nothing"))
        runs_dir = own_path(value, "--runs-dir", "a folder")
    return runs_dir, others


def runs(runs_dir: Path, home: str = "") -> Iterator[FoundRun]:
    """Every run below `runs_dir`, the oldest first, without those that newer ones superseded.

    home: a hidden folder there, such as `rundir.FOLDS`, to find those in it instead.
    """
    existing = []
    for file in (runs_dir / home).glob("[!.]*/[!.]*/*/run.json"):
        path = file.parent
        run_dir = RunDir(runs_dir, path.parent.relative_to(runs_dir).as_posix(), path.name)
        existing.append(FoundRun(run_dir, run_dir.record() or {}))
    yield from sorted(existing, key=_age)


def _age(run: FoundRun) -> tuple[str, str]:
    """When the run was started; of runs of one moment, its name decides."""
    return str(run.record.get("started", "")), run.run_dir.name
