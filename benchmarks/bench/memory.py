"""How much memory this process has, seen all the time; Linux alone tells (/proc/self/status)."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STEP = 0.003  # seconds between two looks
# bytes of its own that lie in memory; those it may write to, which RLIMIT_DATA limits
NUMBERS = ("RssAnon", "VmData")


def memory() -> dict[str, int]:
    """Bytes of this process, each of NUMBERS."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return {name: 1024 * int(re.findall(rf"{name}:\s+(\d+)", text)[0]) for name in NUMBERS}


class Watch:
    """Looks at memory all the time, in a thread. found: by phase, seconds and the most bytes."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, float]] = {}
        self._most = memory()
        threading.Thread(target=self._look, daemon=True).start()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Keep what is seen meanwhile under `name`."""
        started = time.perf_counter()
        self._most = memory()
        yield
        self._see()
        self.found[name] = {"seconds": time.perf_counter() - started, **self._most}

    def _look(self) -> None:
        while True:
            self._see()
            time.sleep(STEP)

    def _see(self) -> None:
        now = memory()
        self._most = {name: max(self._most[name], now[name]) for name in NUMBERS}


class Peak:
    """The most memory of this process, as the kernel keeps it, which costs no time.

    found: by phase, its CPU and wall seconds and the most bytes that lay in memory (VmHWM), and
    `begun`, those that lay there before the first (VmRSS).
    """

    def __init__(self) -> None:
        self.found: dict[str, dict[str, float]] = {}
        self.begun = _status("VmRSS")

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Keep what is seen meanwhile under `name`."""
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the most so far
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        most, left = _status("VmHWM"), _status("VmRSS")
        self.found[name] = {
            "cpu": cpu, "wall": wall, "most": most, "left": left, "begun": self.begun,
        }  # fmt: skip


def _status(name: str) -> int:
    """Bytes, of a line of this process's status."""
    text = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(re.findall(rf"{name}:\s+(\d+)", text)[0])
