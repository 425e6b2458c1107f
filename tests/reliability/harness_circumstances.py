"""Jobs: a command under other circumstances: another clock, no network, others at the same run."""

from __future__ import annotations

import os
import random
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, NoReturn

from reliability.harness_compare import Picture, complaints, differences, recovered, refused
from reliability.harness_crashes import SCRATCH
from reliability.harness_hooks import Held, wait_for
from reliability.harness_trial import command

OTHERS = 7  # processes that want a run which another one has


def jumping_clock() -> None:
    """Another zone, and a clock that is set back and forth by years while tl-run runs."""
    os.environ["TZ"] = "Asia/Kathmandu"
    time.tzset()
    chance, real = random.Random(0), time.time

    class Jumping(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + timedelta(days=chance.uniform(-9000, 9000))

    for module in [module for name, module in sys.modules.items() if name.startswith("tlrun.")]:
        if vars(module).get("datetime") is datetime:
            vars(module)["datetime"] = Jumping
    time.time = lambda: real() + chance.uniform(-8e8, 8e8)


def no_network() -> None:
    """Nobody can be reached, and no name is known."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a run wanted the network")

    vars(socket)["getaddrinfo"] = refuse
    socket.socket.connect = refuse  # type: ignore[method-assign]


CIRCUMSTANCES: dict[str, Callable[[], None]] = {
    each.__name__: each for each in (jumping_clock, no_network)
}


def under(words: tuple[str, ...], wanted: Picture, name: str) -> list[str]:
    """What is wrong with a command under circumstances, and with the same command again."""
    CIRCUMSTANCES[name]()  # of this process, which is a job's
    with tempfile.TemporaryDirectory(dir=SCRATCH) as home:
        runs_dir = Path(home, "runs")
        found = recovered(command(words, runs_dir), runs_dir, wanted, stores=True)
        again = command(words, runs_dir)
        found += complaints(again) + differences(wanted, runs_dir)
        if "found" not in again.screen:
            found.append(f"not found again: {again.screen[-1500:]}")
        return [f"{name}: {what}" for what in found]


def first_of_many(words: tuple[str, ...], wanted: Picture, home: str, at: int) -> list[str]:
    """The one that has the run: before operation `at` it waits until all others are over."""
    hook = Held(at, here=f"{home}/here", go=f"{home}/go")
    runs_dir = Path(home, "runs")
    return recovered(command(words, runs_dir, hook), runs_dir, wanted, stores=True)


def one_of_many(words: tuple[str, ...], home: str, number: int) -> list[str]:
    """One of the others, by number: what is wrong with how it is told that the run is not free."""
    wait_for(f"{home}/here")
    ended = command(words, Path(home, "runs"))
    Path(home, f"over-{number}").touch()
    if len(list(Path(home).glob("over-*"))) == OTHERS:
        Path(home, "go").touch()
    found = refused(ended)
    if ended.code != 1 or f"process {_first(home)} on {socket.gethostname()}" not in ended.screen:
        found.append(f"exit code {ended.code}, not told who has it: {ended.screen[-500:]}")
    return found


def _first(home: str) -> str:
    """The process that has the run, as run.json says it."""
    from tlrun.store.files import read_json

    (record,) = Path(home, "runs").glob("*/*/*/run.json")
    return str(read_json(record)["pid"])
