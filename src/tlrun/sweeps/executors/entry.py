"""Where a process of a sweep begins: a function that can be named without importing torch."""

from __future__ import annotations

import os
from multiprocessing import connection
from pathlib import Path


def enter(here: Path, channel: connection.Connection) -> None:
    """Carry out what `channel` gives in this process, in the folder `here`, and end it."""
    os.chdir(here)  # the fork server stands where it was started
    from tlrun.sweeps.executors.worker import work

    work(channel)
