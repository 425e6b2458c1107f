"""A sweep of heads from the command to its table, against scripts; and a frozen φ passed once.

    python benchmarks/sweep_of_heads.py                         all but the long rows, 7 rounds
    python benchmarks/sweep_of_heads.py --rows heads8 --rounds 9
    python benchmarks/sweep_of_heads.py --rows heads8 --also loop
    python benchmarks/sweep_of_heads.py --list
    python benchmarks/sweep_of_heads.py --table                 what is kept already, as Markdown

heads8 … heads64_1000: `tl-run -m strategy=feature_transfer lam.value=…` on the digits, without
controls, in an empty folder each time. Against it, each a whole process or several, from
`bench/hand_transfer.py`:
    jobs         a job of its own for every head, each of which trains the source anew, as many at a
                 time as there are cores
    script       one script: the source once, φ's features once, a loop over the heads; DataLoaders
    bare script  the same with indexed tensors, fused Adam, channels_last, and no loss read
All of these have one thread a process (OMP_NUM_THREADS=1): with two, the scripts take as long, or
longer where the cores are shared, and more CPU time.
CPU seconds are those of all processes (`bench/trees.py`); wall seconds end with the command.

frozen1 … frozen20: a head on a frozen φ for so many epochs, in process (`bench/frozen.py`).

A JSON file a row goes to results/heads: every round's raw seconds, machine, versions, commit.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.records import RESULTS, busy_cores, origin
from bench.rounds import Sample, interleaved, ratios, spread
from bench.rows import Arm, Work
from bench.trees import taken
from bench.workers import Worker

HEADS = RESULTS / "heads"
SCRIPT = Path(__file__).parent / "bench" / "hand_transfer.py"
EPOCHS = (1, 2, 5, 10, 20)
CORES = len(os.sched_getaffinity(0))
Record = dict[str, Any]


@dataclass(frozen=True)
class Sweep:
    """K heads: `lams` values of λ, `seeds` seeds, so many steps a stage. goals: by arm, as text."""

    name: str
    lams: int
    seeds: int
    steps: int
    arms: tuple[str, ...]
    goals: Mapping[str, str]
    default: bool = True

    @property
    def title(self) -> str:
        seeds = f" x {self.seeds} seeds" if self.seeds > 1 else ""
        heads = self.lams * self.seeds
        return f"{heads} heads ({self.lams} λ{seeds}), {self.steps} steps a stage"


@dataclass(frozen=True)
class Frozen:
    """A head on a frozen φ for so many epochs of 1,024 images of 28x28."""

    name: str
    epochs: int
    default: bool = True

    @property
    def title(self) -> str:
        return f"a head on a frozen φ, {self.epochs} epoch{'s'[: self.epochs > 1]}"

    @property
    def goals(self) -> dict[str, str]:
        return {"by hand": f"≥ {0.6 * self.epochs:g}x"}


SCRIPTS = ("script", "bare script")
ROWS: dict[str, Sweep | Frozen] = {
    row.name: row
    for row in (
        Sweep("heads8", 8, 1, 200, SCRIPTS, {"script": "≥ 1.5x"}),
        Sweep("heads8_jobs", 8, 1, 200, ("jobs",), {"jobs": "≥ 10x"}),
        Sweep("heads8_1000", 8, 1, 1000, SCRIPTS, {"script": "≥ 1.5x"}),
        Sweep("heads8_1000_jobs", 8, 1, 1000, ("jobs",), {"jobs": "≥ 10x"}, default=False),
        Sweep("heads64", 64, 1, 200, SCRIPTS, {"script": "≥ 4x"}),
        Sweep("heads64_seeds", 8, 8, 200, SCRIPTS, {"script": "≥ 4x"}),
        Sweep("heads64_1000", 64, 1, 1000, SCRIPTS, {"script": "≥ 4x"}, default=False),
        *(Frozen(f"frozen{epochs}", epochs) for epochs in EPOCHS),
    )
}
FROZEN = {
    "tl-run": "bench.frozen:once",
    "tl-run, nothing kept": "bench.frozen:every_step",
    "by hand": "bench.frozen:by_hand",
    "by hand, channels_last + fused Adam": "bench.frozen:improved",
}


def lams(count: int) -> list[str]:
    """So many values of λ, from 0.01 to 100, evenly on a scale of powers."""
    powers = (4 * k / max(count - 1, 1) - 2 for k in range(count))
    return [f"{10**power:.4g}" for power in powers]


def tl_run(row: Sweep, folder: Path, *more: str) -> Sample:
    """The sweep, by the command line."""
    words = [sys.executable, "-m", "tlrun", "-m", "strategy=feature_transfer", "controls=false"]
    axes = [f"lam.value={','.join(lams(row.lams))}"]
    if row.seeds > 1:
        axes.append(f"seed=range({row.seeds})")
    steps = f"trainer.steps={row.steps}"
    return _sample([*words, *axes, steps, f"runs_dir={folder / 'runs'}", *more], folder)


def jobs(row: Sweep, folder: Path) -> Sample:
    """A process for every head, as many at a time as there are cores."""
    listed = folder / "jobs.txt"
    values = [(lam, seed) for seed in range(row.seeds) for lam in lams(row.lams)]
    listed.write_text(
        "".join(f"--lams {a} --seeds {b} --out {folder / f'{a}_{b}'}\n" for a, b in values)
    )
    each = [sys.executable, str(SCRIPT), "--features", "every_step", "--steps", str(row.steps)]
    return _sample(["xargs", "-a", str(listed), "-P", str(CORES), "-L", "1", *each], folder, 1)


def script(row: Sweep, folder: Path, loop: str) -> Sample:
    """All heads in one script."""
    seeds = ",".join(map(str, range(row.seeds)))
    words = [sys.executable, str(SCRIPT), "--loop", loop, "--lams", ",".join(lams(row.lams))]
    more = ["--seeds", seeds, "--steps", str(row.steps), "--out", str(folder / "out")]
    return _sample([*words, *more], folder, 1)


def _sample(words: Sequence[str], folder: Path, threads: int | None = None) -> Sample:
    tree = taken(words, folder, threads=threads)
    return Sample(tree.cpu, tree.wall)


RUN: dict[str, Callable[[Sweep, Path], Sample]] = {
    "tl-run": tl_run,
    "loop": lambda row, folder: tl_run(row, folder, "sweep.engine=loop"),
    "jobs": jobs,
    "script": lambda row, folder: script(row, folder, "as_written"),
    "bare script": lambda row, folder: script(row, folder, "bare"),
}


def measured(row: Sweep | Frozen, rounds: int, also: Sequence[str]) -> Record:
    """So many rounds after one to warm up, every arm in turn."""
    busy = busy_cores()
    if isinstance(row, Sweep):
        arms, work = ["tl-run", *also, *row.arms], None

        def once(arm: str) -> Sample:
            with tempfile.TemporaryDirectory() as folder:
                return RUN[arm](row, Path(folder))

        found, failed = _rounds(row, arms, rounds, once)
    else:
        work = Work("conv", (1, 28, 28), 16 * row.epochs, n=1024)
        workers = {arm: Worker(Arm(arm, "hand", run=run), work) for arm, run in FROZEN.items()}
        try:
            found, failed = _rounds(row, list(FROZEN), rounds, lambda arm: workers[arm].once())
        finally:
            for worker in workers.values():
                worker.close()
    return {
        "row": row.name,
        "title": row.title,
        "goals": dict(row.goals),
        "epochs": row.epochs if isinstance(row, Frozen) else None,
        "command": " ".join(("python benchmarks/sweep_of_heads.py", *sys.argv[1:])),
        **origin(),
        "busy cores before": busy,
        "rounds": rounds,
        "arms": found,
        "failed": failed,
    }


def _rounds(
    row: Sweep | Frozen, arms: Sequence[str], rounds: int, once: Callable[[str], Sample]
) -> tuple[dict[str, list[dict[str, float]]], dict[str, str]]:
    """By arm, the seconds of every round that counts; and why an arm has none."""
    found: dict[str, list[dict[str, float]]] = {arm: [] for arm in arms}
    failed: dict[str, str] = {}
    for number, arm, sample in interleaved(arms, rounds, once):
        if isinstance(sample, Exception):
            failed[arm] = str(sample)
            print(f"{row.name}: {arm} failed: {sample}", file=sys.stderr)
            continue
        cpu, wall = sample.loop_cpu or sample.cpu, sample.loop_wall or sample.wall
        told = f"{row.name}, round {number} of {rounds}: {arm} {wall:.2f} s, {cpu:.2f} s CPU"
        print(told, file=sys.stderr, flush=True)
        if number:
            found[arm].append({"cpu": cpu, "wall": wall})
    return {arm: found[arm] for arm in arms if arm not in failed}, failed


def table(records: Iterable[Record]) -> str:
    """Markdown: a line for each arm of each record, and where they are from."""
    lines = [
        "| work | against | wall s, tl-run | wall s | tl-run is faster, wall | CPU | goal | n |",
        "|---|---|---|---|---|---|---|---|",
    ]
    origins = []
    for record in records:
        arms = record["arms"]
        origins += [
            f"{record['row']}: {arm} failed: {why}" for arm, why in record["failed"].items()
        ]
        for arm in arms:
            if arm == "tl-run" or "tl-run" not in arms:
                continue
            cells = [record["title"], arm, *(_seconds(arms[who]) for who in ("tl-run", arm))]
            for clock in ("wall", "cpu"):
                each = [[sample[clock] for sample in arms[who]] for who in (arm, "tl-run")]
                ratio = ratios(*each)
                text = f"{ratio.median:.2f}x [{ratio.least:.2f}..{ratio.largest:.2f}]"
                if record["epochs"] and clock == "cpu":
                    text += f", {ratio.median / record['epochs']:.2f} E"
                cells.append(text)
            cells += [record["goals"].get(arm, ""), str(len(arms[arm]))]
            lines.append(f"| {' | '.join(cells)} |")
        origins.append(
            f"{record['row']}: {record['date'][:16]}, {record['commit']}, {record['machine']}, "
            f"{record['cores']} cores, torch {record['versions']['torch']}, "
            f"{record['busy cores before']} cores busy before"
        )
    return "\n".join([*lines, "", *(f"- {line}" for line in origins)])


def _seconds(samples: Sequence[Mapping[str, float]]) -> str:
    found = spread([sample["wall"] for sample in samples])
    return f"{found.median:.3g} [{found.least:.3g}..{found.largest:.3g}]"


def main() -> None:
    """Measure what was asked for, keep it, show it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", choices=ROWS, metavar="ROW", help="see --list")
    parser.add_argument("--rounds", type=int, default=7, help="beside one to warm up; default: 7")
    parser.add_argument("--also", nargs="+", choices=["loop", "jobs"], default=[], help="arms")
    parser.add_argument("--list", action="store_true", help="name the rows and end")
    parser.add_argument("--table", action="store_true", help="show what is kept and end")
    parser.add_argument("--out", type=Path, default=HEADS, help=f"default: {HEADS}")
    asked = parser.parse_args()
    if asked.list:
        for row in ROWS.values():
            print(f"{row.name:<14} {row.title}{'' if row.default else '; only where asked for'}")
        return
    if not asked.table:
        os.environ["OMP_NUM_THREADS"] = "1"  # of the loops in process; tl-run's command is free
        asked.out.mkdir(parents=True, exist_ok=True)
        for name in asked.rows or [row.name for row in ROWS.values() if row.default]:
            record = measured(ROWS[name], asked.rounds, asked.also)
            text = json.dumps(record, indent=1, ensure_ascii=False) + "\n"
            (asked.out / f"{name}.json").write_text(text, encoding="utf-8")
    files = [asked.out / f"{name}.json" for name in ROWS if not asked.rows or name in asked.rows]
    print(table(json.loads(file.read_text("utf-8")) for file in files if file.is_file()))


if __name__ == "__main__":
    main()
