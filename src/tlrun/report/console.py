"""Standard output as a console."""

from __future__ import annotations

import sys

from rich.console import Console

PIPE_WIDTH = 160  # columns where there is no terminal: nothing is cut, and paths stay whole


def make_console() -> Console:
    """At its own width on a terminal, wide elsewhere."""
    # Names come from outside: what looks like markup in one is text.
    return Console(markup=False) if sys.stdout.isatty() else Console(markup=False, width=PIPE_WIDTH)
