"""Standard output as a console, and what fits on it."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tlrun.core.errors import printable

PIPE_WIDTH = 160  # columns where there is no terminal: nothing is cut, and paths stay whole
WIDE = 130  # columns from which on paths, or all gains of a sweep, fit beside each other


def make_console() -> Console:
    """At its own width on a terminal, wide elsewhere."""
    # Names come from outside: what looks like markup in one is text.
    return Console(markup=False) if sys.stdout.isatty() else Console(markup=False, width=PIPE_WIDTH)


def link(path: Path) -> Text:
    """A path that can be clicked where the terminal can."""
    return Text(printable(str(path)), style=f"link {path.resolve().as_uri()}", overflow="fold")
