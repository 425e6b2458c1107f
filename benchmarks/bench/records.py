"""What is kept of a row: one JSON file, with every round's raw numbers and where they are from."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from bench import commands
from bench.rounds import Sample, interleaved
from bench.rows import Arm, Row
from bench.workers import Worker, obstacle

RESULTS = Path(__file__).parents[1] / "results"
PACKAGES = ("torch", "torchvision", "numpy", "lightning", "transformers", "accelerate")
Record = dict[str, Any]
Told = Callable[[str], None]


def measured(row: Row, rounds: int, tell: Told) -> Record:
    """Run `rounds` rounds of `row` after one to warm up, and say how that went.

    tell: told of every arm before it is run.
    """
    record: Record = {
        "row": row.name,
        "title": row.title,
        "clock": row.clock,
        "sense": row.sense,
        "cpu known": row.alone,
        "command": " ".join(("python -m bench", *sys.argv[1:])),
        **origin(),
        "busy cores before": busy_cores(),
        "rounds": rounds,
        "work": None if row.work is None else asdict(row.work),
        "arms": _arms_of(row, rounds, tell),
    }
    if row.work is not None and row.work.net != "head":  # of which nothing is asked but calls
        from bench.roofline import flops_per_example

        record["flops_per_example"] = flops_per_example(row.work)
    return record


def _arms_of(row: Row, rounds: int, tell: Told) -> list[Record]:
    arms: dict[str, Record] = {}
    for arm in row.arms:
        state = obstacle(arm, row) or "measured"
        arms[arm.name] = {"name": arm.name, "kind": arm.kind, "state": state, "samples": []}
        if row.sense == "rate":
            from bench.roofline import FLOPS

            assert arm.work is not None
            arms[arm.name]["flops"] = FLOPS[arm.run.partition(":")[2]] * arm.work.steps
    there = {arm.name: arm for arm in row.arms if arms[arm.name]["state"] == "measured"}
    workers = {name: _worker(arm, row) for name, arm in there.items() if arm.run}
    with tempfile.TemporaryDirectory() as kept:
        if row.before:
            tell(f"{row.name}: before")
            commands.once(row.before, Path(kept))

        def once(name: str) -> Sample:
            tell(f"{row.name}: {name}")
            if name in workers:
                return workers[name].once()
            return commands.once(there[name].command, Path(kept), there[name].status)

        for number, name, taken in interleaved(list(there), rounds, once):
            if isinstance(taken, Exception):
                arms[name]["state"] = f"failed: {taken}"
            elif number > 0:
                arms[name]["samples"].append(asdict(taken))
    for worker in workers.values():
        worker.close()
    return list(arms.values())


def _worker(arm: Arm, row: Row) -> Worker:
    work = arm.work or row.work
    assert work is not None
    return Worker(arm, work)


def origin() -> Record:
    """The machine, the versions, the commit and the date."""
    from tlrun.store.fingerprint import fingerprint

    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    facts = fingerprint(threads=1, device="cpu", plugins={})
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{_processor()}, {facts['cpu']}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions,
        "commit": _commit(),
        "tlrun sources": facts["tlrun sources"],
    }


def busy_cores(seconds: float = 1.0) -> float | None:
    """How many cores others keep busy, while this process waits; None where no /proc/stat tells."""
    try:
        before = _ticks()
        time.sleep(seconds)
        after = _ticks()
    except OSError:
        return None
    idle, total = (now - then for now, then in zip(after, before, strict=True))
    return round((1 - idle / max(total, 1)) * (os.cpu_count() or 1), 2)


def _ticks() -> tuple[int, int]:
    """Idle ones and all, of all cores."""
    line = Path("/proc/stat").read_text().splitlines()[0]
    ticks = [int(word) for word in line.split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)  # idle, and waiting for a disk


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str:
    """Of the checkout, with a + where its files have changed since."""
    here = Path(__file__).parent
    words = ["git", "-C", str(here)]
    try:
        short = subprocess.check_output([*words, "rev-parse", "--short", "HEAD"], text=True)
        changed = subprocess.check_output(
            [*words, "status", "--porcelain", "--untracked-files=no", "--", "../../src"], text=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return short.strip() + ("+" if changed.strip() else "")


def save(record: Record, folder: Path) -> None:
    """Keep a record under the name of its row, over the one before."""
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    (folder / f"{record['row']}.json").write_text(text, encoding="utf-8")


def saved(folder: Path) -> dict[str, Record]:
    """Every record in `folder`, by its row."""
    files = sorted(folder.glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}
