"""How numbers of things, bytes and seconds are written."""

from __future__ import annotations


def size(count: float) -> str:
    """A number of bytes for people."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            decimals = 0 if unit == "B" else 1
            return f"{count:.{decimals}f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def counted(count: int, what: str, one: str = "", several: str = "s") -> str:
    """How many of `what` there are: 1 stage, 2 stages. one, several: what then follows `what`."""
    return f"{count} {what}{one if count == 1 else several}"


def duration(seconds: float) -> str:
    """Seconds in the unit people think in."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
