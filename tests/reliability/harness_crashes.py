"""Jobs: a command that is killed, that the disk fails, or whose disk loses what was not synced.

Each gives what is wrong after the same command again, in lines; none where all is well.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reliability.harness_compare import (
    Picture,
    broken,
    differences,
    leftovers,
    picture,
    recovered,
    refused,
)
from reliability.harness_disk import Disk, State, put
from reliability.harness_hooks import Failing, Held, Killed, wait_for
from reliability.harness_operations import Operation
from reliability.harness_trial import Ended, command, recorded

# In memory where there is such a place: what is killed or dropped is so in the harness.
SCRATCH = next((path for path in ("/dev/shm",) if os.access(path, os.W_OK)), None)


@dataclass(frozen=True)
class Reference:
    """What an uninterrupted command leaves, and the operations it takes."""

    words: tuple[str, ...]
    picture: Picture
    operations: Sequence[Operation]
    screen: str
    root: str
    results: dict[str, str]


def reference(words: tuple[str, ...]) -> Reference:
    """Carry out a command without any harm."""
    with tempfile.TemporaryDirectory(dir=SCRATCH) as home:
        runs_dir = Path(home, "runs")
        ended = recorded(words, runs_dir)
        assert ended.code == 0, ended.screen
        return Reference(
            words, picture(runs_dir), ended.operations, ended.screen, str(runs_dir), shown(runs_dir)
        )


def shown(runs_dir: Path) -> dict[str, str]:
    """The results of all runs that are shown as finished, by folder."""
    from tlrun.runs.outcome import load_runs

    found = {}
    for run in load_runs(runs_dir):
        found[str(run.path.relative_to(runs_dir.resolve()))] = json.dumps(
            run.result, sort_keys=True
        )
    return found


def killed_at(
    words: tuple[str, ...],
    wanted: Picture,
    at: int,
    half: bool = False,
    mutants: Sequence[str] = (),
) -> list[str]:
    """What is wrong after SIGKILL before operation `at`, and the same command again."""
    with tempfile.TemporaryDirectory(dir=SCRATCH) as home:
        runs_dir = Path(home, "runs")
        killed = command(words, runs_dir, Killed(at, half=half), mutants)
        if killed.code != -9:
            return [f"not killed at {at}: {killed.code} {killed.screen[-500:]}"]
        found = broken(runs_dir) if runs_dir.exists() else []
        again = command(words, runs_dir, mutants=mutants)
        found += recovered(again, runs_dir, wanted, stores=True)
        return [f"killed at {at}{' half' * half}: {what}" for what in found]


def outlasting(operations: Sequence[Operation], root: str) -> dict[str, str]:
    """The results that are still shown after a loss of power at the end of a command.

    The disk is one that keeps the names on the way to what was synced, as common ones do.
    """
    disk = Disk(root, keeps_paths=True)
    for operation in operations:
        disk.do(operation)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as home:
        put(disk.state("kept path"), Path(home, "runs"))
        return shown(Path(home, "runs"))


def power_lost(
    words: tuple[str, ...],
    wanted: Picture,
    results: dict[str, str],
    state: State,
    mutants: Sequence[str] = (),
) -> list[str]:
    """What is wrong after a loss of power that left `state`, and the same command again."""
    with tempfile.TemporaryDirectory(dir=SCRATCH) as home:
        runs_dir = Path(home, "runs")
        put(state, runs_dir)
        found = []
        for path, result in shown(runs_dir).items():
            if results.get(path) != result:
                found.append(f"{path} is shown with another result")
        return found + recovered(command(words, runs_dir, mutants=mutants), runs_dir, wanted)


def after_power_loss(words: tuple[str, ...], state: State) -> str:
    """What a command prints after a loss of power that left `state`."""
    with tempfile.TemporaryDirectory(dir=SCRATCH) as home:
        runs_dir = Path(home, "runs")
        put(state, runs_dir)
        return command(words, runs_dir).screen


def failing_at(
    words: tuple[str, ...], wanted: Picture, at: int, error: int, way: str = "once"
) -> list[str]:
    """What is wrong after operation `at` has failed, and after the same command on a disk that is
    well again.

    way: once; stays: so do all later ones that write; short: a write writes half, then fails.
    """
    with tempfile.TemporaryDirectory(dir=SCRATCH) as home:
        runs_dir = Path(home, "runs")
        hook = Failing(at, error=error, stays=way == "stays", short=way == "short")
        ended = command(words, runs_dir, hook)
        found = refused(ended)
        if ended.code == 0:
            found = differences(wanted, runs_dir, stores=False)
        found += [f"{path} was left" for path in leftovers(runs_dir)]
        if way != "stays":
            found += [f"{path} still says running" for path in _running(runs_dir)]
        again = [f"then: {what}" for what in recovered(command(words, runs_dir), runs_dir, wanted)]
        name = errno.errorcode[error]
        return [f"{name} {way} at {at}: {what}" for what in [*found, *again]]


def _running(runs_dir: Path) -> list[Path]:
    return [path for path in runs_dir.glob("*/*/*/run.json") if '"running"' in path.read_text()]


def holding(words: tuple[str, ...], home: str, at: int, mutants: Sequence[str]) -> Ended:
    """One of two: it stops before operation `at` until the other is over."""
    hook = Held(at, here=f"{home}/here", go=f"{home}/go")
    return command(words, Path(home, "runs"), hook, mutants)


def at_once(words: tuple[str, ...], home: str, mutants: Sequence[str]) -> Ended:
    """The other: the same command while the first has the run."""
    wait_for(f"{home}/here")
    ended = command(words, Path(home, "runs"), mutants=mutants)
    Path(home, "go").touch()
    return ended
