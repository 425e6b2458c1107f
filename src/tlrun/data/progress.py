"""How far something long has come: a line every few seconds, none where it is short."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY = 2.0  # seconds between two lines


class Progress:
    """Of `total` things. doing: what is done to them. tell: is handed each line. what: they are."""

    def __init__(
        self, doing: str, total: int, tell: Callable[[str], None], what: str = "files"
    ) -> None:
        self._doing, self._total, self._tell, self._what = doing, total, tell, what
        self._begun = self._told = time.monotonic()
        self._first = 0

    def begin(self, done: int) -> None:
        """From here on, `done` of them being done already, time counts."""
        self._first = done
        self._begun = self._told = time.monotonic()

    def at(self, done: int) -> None:
        """So many are done."""
        now = time.monotonic()
        if now - self._told < EVERY or done <= self._first:
            return
        self._told = now
        rate = (done - self._first) / (now - self._begun)
        left = (self._total - done) / rate
        count = f"{done:,} of {self._total:,} {self._what}"
        self._tell(f"{self._doing}: {count}, {rate:,.0f} a second, {left:,.0f} s left")
