"""A whole command with all processes that it leaves behind: seconds, CPU time and memory.

    python -m bench.trees FILE look|blind WORD …     run the words, write what they took

A sweep's workers are started by a server that nobody waits for, so `wait4` of the command alone
does not know them. The process that runs the command is therefore made the one that orphans are
handed to (PR_SET_CHILD_SUBREAPER; Linux alone), and waits for every one of them: then all CPU time
is known. Wall seconds end with the command itself, when its user can go on.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
LOOK = 0.1  # seconds between two looks at memory


class TreeFailed(Exception):
    """A command ended as it should not have; its words are the last lines it said."""


@dataclass(frozen=True)
class Tree:
    """What a command and its processes took.

    wall, cpu: seconds. largest: bytes, the most that one process of them held at any time, as the
    kernel keeps it (ru_maxrss), pages it shares included. together: bytes, the most that all held
    at one time, shared pages once (PSS), seen every LOOK seconds; None where nobody looked.
    """

    wall: float
    cpu: float
    largest: int
    together: int | None = None


def taken(
    words: Sequence[str], folder: Path, *, look: bool = False, threads: int | None = None
) -> Tree:
    """Run a command in `folder` and wait for all of it. Raises TreeFailed.

    look: whether memory is looked at meanwhile, which takes a hundredth of the time or two.
    threads: of OpenMP; None: as the machine has it.
    """
    environment = dict(os.environ)
    environment.pop("OMP_NUM_THREADS", None)
    here = str(Path(__file__).parents[1])
    environment["PYTHONPATH"] = os.pathsep.join([here, environment.get("PYTHONPATH", "")])
    if threads is not None:
        environment["OMP_NUM_THREADS"] = str(threads)
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "taken.json"
        helper = [sys.executable, "-m", "bench.trees", str(file), "look" if look else "blind"]
        done = subprocess.run(
            [*helper, *words],
            check=False, capture_output=True, text=True, cwd=folder, env=environment,
        )  # fmt: skip
        if done.returncode:
            said = (done.stdout + done.stderr).strip().splitlines()
            raise TreeFailed(f"exit code {done.returncode}: {' / '.join(said[-3:])}")
        return Tree(**json.loads(file.read_text(encoding="utf-8")))


def main() -> int:
    """Run a command as the one that orphans are handed to; its exit code."""
    file, look, *words = sys.argv[1:]
    if ctypes.CDLL(None, use_errno=True).prctl(SUBREAPER, 1, 0, 0, 0):
        sys.exit(
            "expected Linux, which hands orphans to whom asks for them (PR_SET_CHILD_SUBREAPER)"
        )
    peak, over = [0], threading.Event()
    watcher = threading.Thread(target=_look, args=(peak, over), daemon=True)
    if look == "look":
        watcher.start()
    started = time.perf_counter()
    process = subprocess.Popen(words)
    cpu, largest, wall, code = 0.0, 0, 0.0, 0
    with suppress(ChildProcessError):  # nobody is left
        while True:
            pid, raw, usage = os.wait4(-1, 0)
            cpu += usage.ru_utime + usage.ru_stime
            largest = max(largest, 1024 * usage.ru_maxrss)
            if pid == process.pid:
                wall = time.perf_counter() - started
                code = process.returncode = os.waitstatus_to_exitcode(raw)
    over.set()
    tree = Tree(wall, cpu, largest, peak[0] if look == "look" else None)
    Path(file).write_text(json.dumps(asdict(tree)), encoding="utf-8")
    return code


def _look(peak: list[int], over: threading.Event) -> None:
    """Keep the most that all descendants of this process hold together, in peak[0]."""
    while not over.wait(LOOK):
        peak[0] = max(peak[0], sum(map(_share, _descendants(os.getpid()))))


def _descendants(root: int) -> list[int]:
    """The processes that come from `root`, which is not one of them."""
    children: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError):  # gone meanwhile
            # the name, in brackets, may hold anything; behind it stand the state and the parent
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(place.name))
    found, waiting = [], [root]
    while waiting:
        born = children.get(waiting.pop(), [])
        found += born
        waiting += born
    return found


def _share(process: int) -> int:
    """Bytes, with each shared page divided by those who share it; 0 for one that is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return 1024 * int(line.split()[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
