"""How time is taken: interleaved rounds, two clocks, and ratios within a round.

Every round runs every arm once, and the order is rotated from round to round, so that what slows
the machine for a while slows all arms alike, and none is always first. A ratio is taken within each
round and the median of these is quoted, with the least and the largest: two medians taken apart
would mix good rounds of one arm with bad ones of the other. The round before the first is not
counted: it fills caches, and pays for what is imported late.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """What one arm took in one round, in seconds.

    cpu, wall: of the whole call. loop_cpu, loop_wall: of the loop alone, from before the first
    batch is drawn until after the last update; None for a whole process. loss: the mean training
    loss of the model that came out, so that nobody times a loop that does not learn.
    """

    cpu: float
    wall: float
    loop_cpu: float | None = None
    loop_wall: float | None = None
    loss: float | None = None


@dataclass(frozen=True)
class Spread:
    """The median of some numbers, the least, the largest, and how many they are."""

    median: float
    least: float
    largest: float
    n: int


class Clock:
    """Reads the CPU time of this process, all threads, and the time on the wall.

    Made when a call starts. The arm itself says where its loop begins and ends.
    """

    def __init__(self) -> None:
        self._started = self._begun = self._ended = _now()

    def begin(self) -> None:
        """The set-up is over: model, optimizer and loader are there, no batch is drawn."""
        self._begun = _now()

    def end(self) -> None:
        """The last update is made."""
        self._ended = _now()

    def read(self) -> Sample:
        """What was taken, up to now; the loss is not known here."""
        now = _now()
        cpu, wall = (now[k] - self._started[k] for k in (0, 1))
        loop_cpu, loop_wall = (self._ended[k] - self._begun[k] for k in (0, 1))
        return Sample(cpu, wall, loop_cpu, loop_wall)


def _now() -> tuple[float, float]:
    return time.process_time(), time.perf_counter()


def rotated(arms: Sequence[str], number: int) -> list[str]:
    """The order of `arms` in round `number`: 0, 1, …."""
    first = number % len(arms) if arms else 0
    return [*arms[first:], *arms[:first]]


def interleaved(
    arms: Sequence[str], rounds: int, once: Callable[[str], Sample]
) -> Iterator[tuple[int, str, Sample | Exception]]:
    """Run `once` on each arm in each of `rounds`: (round, arm, what it took), as they come.

    Round 0 is the warm-up. An arm that raises is not run again; its exception is handed on.
    """
    broken: set[str] = set()
    for number in range(rounds + 1):
        for arm in rotated(arms, number):
            if arm in broken:
                continue
            try:
                yield number, arm, once(arm)
            except Exception as error:  # noqa: BLE001  # the others go on, and this one is shown
                broken.add(arm)
                yield number, arm, error


def spread(values: Sequence[float]) -> Spread:
    """Of `values`, at least one."""
    return Spread(statistics.median(values), min(values), max(values), len(values))


def ratios(over: Sequence[float], under: Sequence[float]) -> Spread:
    """Of over_r / under_r in the rounds r; both were measured in the same rounds."""
    return spread([above / below for above, below in zip(over, under, strict=True)])
