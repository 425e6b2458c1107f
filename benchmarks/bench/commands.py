"""Whole commands: a new process every round, and what the system says that it took.

CPU time is that of the process and of all that it has waited for (wait4). The workers of a sweep
are started by a server that nobody waits for, so theirs is not in it, and such a row has none.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.rounds import Sample
from bench.workers import ArmFailed


def once(command: Sequence[str], kept: Path, status: int = 0) -> Sample:
    """Run a command from an empty folder. Raises ArmFailed where it does not end with `status`.

    kept: the folder that {kept} stands for.
    """
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "runs"
        words = [word.format(python=sys.executable, fresh=fresh, kept=kept) for word in command]
        with (Path(folder) / "said").open("w+") as said:
            started = time.perf_counter()
            process = subprocess.Popen(words, cwd=folder, stdout=said, stderr=said)
            _, raw, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(raw)
            said.seek(0)
            lines = said.read().strip().splitlines()
    if process.returncode != status:
        last = lines[-1] if lines else "nothing said"
        raise ArmFailed(f"exit code {process.returncode}: {last}")
    return Sample(usage.ru_utime + usage.ru_stime, wall)
