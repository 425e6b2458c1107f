"""The runs that are there: read back from their folders, finished or not, by people's commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tlrun.core.errors import Mistake, UserError
from tlrun.store.locks import is_held
from tlrun.store.rundir import RunDir


@dataclass(frozen=True)
class FoundRun:
    """A folder with a run.json. record: what is in it; empty where it cannot be read."""

    run_dir: RunDir
    record: dict[str, Any]

    @property
    def status(self) -> str:
        """finished, failed, interrupted, running; `stopped` where it says running and no process
        has it.
        """
        status = str(self.record.get("status", "unreadable"))
        return "stopped" if status == "running" and not is_held(self.run_dir.lock) else status

    @cached_property
    def result(self) -> dict[str, Any]:
        """result.json; empty where there is none that can be read."""
        try:
            return self.run_dir.result()
        except (OSError, ValueError):
            return {}


def below(arguments: Sequence[str]) -> tuple[Path, list[str]]:
    """The folder that `--runs-dir PATH` or `runs_dir=PATH` names (`runs` without either), and the
    other arguments.

    Raises UserError where no folder follows.
    """
    runs_dir, others, rest = Path("runs"), list[str](), list(arguments)
    while rest:
        argument = rest.pop(0)
        key, _, value = argument.partition("=")
        if key not in ("--runs-dir", "runs_dir"):
            others.append(argument)
            continue
        value = value or (rest.pop(0) if rest and key == argument else "")
        if not value:
            raise UserError(Mistake("--runs-dir", expected="a folder after it", found="nothing"))
        runs_dir = Path(value).expanduser()
    return runs_dir, others


def runs(runs_dir: Path) -> Iterator[FoundRun]:
    """Every run below `runs_dir`, the oldest first. Those that newer ones superseded are left
    out.
    """
    found = []
    for file in runs_dir.glob("[!.]*/[!.]*/*/run.json"):
        path = file.parent
        run_dir = RunDir(runs_dir, path.parent.relative_to(runs_dir).as_posix(), path.name)
        found.append(FoundRun(run_dir, run_dir.record() or {}))
    yield from sorted(found, key=lambda run: (str(run.record.get("started", "")), run.run_dir.name))
