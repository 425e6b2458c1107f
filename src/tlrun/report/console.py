"""Standard output as a console."""

from __future__ import annotations

import sys

from rich.console import Console

PIPE_WIDTH = 160  # columns where there is no terminal: nothing is cut, and paths stay whole


def make_console() -> Console:
    """At its own width on a terminal, wide elsewhere."""
    return Console() if sys.stdout.isatty() else Console(width=PIPE_WIDTH)
