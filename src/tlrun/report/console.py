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
    """Standard output, at the terminal's own width; PIPE_WIDTH columns where it is none."""
    # Names come from outside: what looks like markup in one is text.
    if sys.stdout.isatty():
        return Console(markup=False)
    return Console(markup=False, width=PIPE_WIDTH)


def link(path: Path) -> Text:
    """A path that can be clicked where the terminal can."""
    return Text(printable(str(path)), style=f"link {path.resolve().as_uri()}", overflow="fold")
