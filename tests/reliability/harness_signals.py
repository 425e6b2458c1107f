"""Jobs: signals at random times, to warm processes and to the command line itself."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from reliability.harness_compare import Picture, recovered
from reliability.harness_crashes import SCRATCH
from reliability.harness_trial import command

PYTHONS_OWN = "init_import_site"  # what Python says of a signal while it begins itself
MOST = 60  # attempts at a run, after which one is left alone
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Killing:
    """What came of killing a run until it was through. kills: processes that it took."""

    kills: int
    problems: list[str]


def killed_until_done(
    words: tuple[str, ...], wanted: Picture, longest: float, seed: int, kills: int = MOST
) -> Killing:
    """SIGKILL at random times, over and over on the same run, until it ends before one.

    longest: seconds until a kill, at most. kills: so many at most; then it is left alone.
    """
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as home:
        runs_dir = Path(home, "runs")
        done = 0
        ended = command(words, runs_dir, after=chance.uniform(0, longest))
        while ended.code == -signal.SIGKILL:
            done += 1
            after = chance.uniform(0, longest) if done < kills else None
            ended = command(words, runs_dir, after=after)
        return Killing(done, recovered(ended, runs_dir, wanted))


def signalled(words: tuple[str, ...], wanted: Picture, by: int, after: float) -> list[str]:
    """What is wrong with how `python -m tlrun` ends by a signal, and with the same command again.

    after: seconds from its start to the signal.
    """
    with tempfile.TemporaryDirectory(dir=SCRATCH) as home:
        runs_dir = Path(home, "runs")
        started = subprocess.Popen(
            [sys.executable, "-m", "tlrun", *words, f"runs_dir={runs_dir}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            cwd=home,
            preexec_fn=_hearing,  # noqa: PLW1509  # one thread
        )
        try:
            out, _ = started.communicate(timeout=after)
            came = None
        except subprocess.TimeoutExpired:
            came = time.time()
            started.send_signal(by)
            out, _ = started.communicate()
        found = _ended(started.returncode, out, by, came, runs_dir)
        again = command(words, runs_dir)
        found += recovered(again, runs_dir, wanted)
        name = signal.Signals(by).name
        return [f"{name} after {after:.3f} s: {what}" for what in found]


def _hearing() -> None:
    """Hear every signal, whatever started the tests."""
    for number in SIGNALS[1:]:
        signal.signal(number, signal.SIG_DFL)


def _ended(code: int, screen: str, by: int, came: float | None, runs_dir: Path) -> list[str]:
    """What is wrong with an end. came: when the signal did; None: the command was faster."""
    found = []
    if PYTHONS_OWN in screen:  # before a line of ours, and not ours to change
        return []
    if "Traceback" in screen or "Error" in screen:
        found.append(f"a traceback: {screen[-3000:]}")
    if came is None:
        return found + ([f"exit code {code}"] if code else [])
    if code == 0 and not _finished_before(runs_dir, came):
        found.append(f"ignored: {screen[-500:]}")
    if code not in {0, -by, 128 + by}:
        found.append(f"exit code {code}: {screen[-1500:]}")
    return found


def _finished_before(runs_dir: Path, when: float) -> bool:
    """Whether the run was over before a signal came, which then had nothing left to stop."""
    from datetime import datetime

    for path in runs_dir.glob("*/*/*/run.json"):
        record = json.loads(path.read_text())
        if record["status"] == "finished":
            return datetime.fromisoformat(record["ended"]).timestamp() < when
    return False
