"""Sixteen linear heads along λ as one product, against a loop of torch for each.

    python benchmarks/stacked_heads.py                      all rows, 7 rounds
    python benchmarks/stacked_heads.py --rows files200 --rounds 9
    python benchmarks/stacked_heads.py --table              what is kept already, as Markdown

training64, training256, training512: the heads alone, k=10 classes, on d made features, 1,024 of a
source and 1,024 of a target, batches of 64 of each, 320 steps of Adam on (L_S + λ L_T)/(1+λ).
    tl-run      `training/stacked`, from the first step to the last
    tl-run, loop    its own loop, a run after another
    by hand     a DataLoader for each side, torch.optim.Adam, the loss read in every step
    bare        indexed tensors, fused Adam, no loss read
files200, files1000: on the digits, from features that are there (d=256 of the default φ) to folders
that are whole: training, both test sets evaluated, scores, weights, predictions and rows written.
    tl-run      what a process of a sweep does with them (`sweeps/batched`); it reads the data too
    by hand     `bench/hand_transfer.py`: its loop, its evaluation, its files, from data in memory

All in one process on one thread, the arms in turn. A JSON file a row goes to results/heads.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from bench import hand_transfer as hand
from bench.records import RESULTS, busy_cores, origin
from bench.rounds import Clock, Sample, interleaved
from sweep_of_heads import table
from tlrun.config.preflight import preflight
from tlrun.core.inputs import InputSpec
from tlrun.core.problem import Domain, Role, Split
from tlrun.core.seeding import exactly
from tlrun.core.task import Task
from tlrun.data.batches import Batches
from tlrun.models.backbones.identity import Identity
from tlrun.models.build import draw_model
from tlrun.runs.screen import QuietScreen
from tlrun.strategies.base import Stage
from tlrun.strategies.feature_transfer import FeatureTransfer
from tlrun.strategies.schedules import Constant
from tlrun.sweeps.batched.together import carry_out
from tlrun.sweeps.executors.base import Job
from tlrun.sweeps.plan import plan_sweep
from tlrun.training.loop import fit
from tlrun.training.optimizers import Adam
from tlrun.training.options import TrainerOptions
from tlrun.training.stacked.layout import Family, Features, Member, aligned
from tlrun.training.stacked.loop import Stack
from tlrun.training.state import TrainState

HEADS = RESULTS / "heads"
LAMS = [0.01 * 1.7**power for power in range(16)]
STEPS, BATCH, CLASSES, N = 320, 64, 10, 1024
Arms = Mapping[str, Callable[[], Sample]]


class Silent:
    """A recorder that keeps nothing."""

    def log(self, row: Mapping[str, object]) -> None: ...
    def step(self, state: TrainState, terms: Mapping[str, float]) -> None: ...


def timed(work: Callable[[Clock], None]) -> Sample:
    """What some work takes, between the begin and the end that it tells."""
    clock = Clock()
    work(clock)
    return clock.read()


def training(d: int) -> Arms:  # noqa: C901  # an arm a function
    """The arms of a row of training alone."""
    task = Task("class", "multiclass", tuple(map(str, range(CLASSES))))
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((CLASSES, d)).astype(np.float32)
    domains: dict[str, Domain] = {}
    for role in ("source", "target"):
        labels = rng.integers(0, CLASSES, N)
        inputs = 0.2 * centres[labels] + rng.standard_normal((N, d)).astype(np.float32)
        split = Split(inputs, {"class": labels}, np.arange(N), passed=1)
        named: Role = "source" if role == "source" else "target"
        domains[role] = Domain(role, named, (task,), split)
    trainer = TrainerOptions(steps=STEPS, batch_size=BATCH, eval_every=STEPS)
    stage = Stage("target", ("source", "target"), STEPS, lam=Constant(1.0), trained="head")
    pairs = {
        name: (torch.from_numpy(each.train.array), torch.from_numpy(each.train.labels["class"]))
        for name, each in domains.items()
    }

    def model() -> Any:
        tasks = {name: each.tasks for name, each in domains.items()}
        return draw_model(Identity(), InputSpec((d,)), tasks, "target", 0)

    def batches() -> dict[str, Batches]:
        return {name: Batches(each.train, name, BATCH, 0) for name, each in domains.items()}

    def stacked(clock: Clock) -> None:
        seen = {name: Features(aligned(x)) for name, (x, _) in pairs.items()}
        members = []
        for lam in LAMS:
            own = replace(stage, lam=Constant(lam))
            members.append(Member(own, Adam(lr=1e-3), lambda _: None))
        stack = Stack(
            [Family(model(), domains, batches(), seen, {}, members)], FeatureTransfer(), trainer
        )
        with exactly(threads=1):
            clock.begin()
            stack.fit(lambda _: None)
            clock.end()

    def looped(clock: Clock) -> None:
        clock.begin()
        for lam in LAMS:
            own, of_run = replace(stage, lam=Constant(lam)), model()
            with exactly(threads=1):
                state = TrainState.begin(own, of_run, Adam(lr=1e-3), batches())
                fit(own, of_run, domains, FeatureTransfer(), trainer, state, Silent())
        clock.end()

    def by_hand(loop: str) -> Callable[[Clock], None]:
        def run(clock: Clock) -> None:
            clock.begin()
            for lam in LAMS:
                hand.train_head(
                    nn.Identity(), pairs["source"], pairs["target"], lam, STEPS, loop, d
                )
            clock.end()

        return run

    return {
        "tl-run": lambda: timed(stacked),
        "tl-run, loop": lambda: timed(looped),
        "by hand": lambda: timed(by_hand("as_written")),
        "bare": lambda: timed(by_hand("bare")),
    }


def with_files(steps: int, folder: Path) -> Arms:
    """The arms of a row from features to folders; what is there before is made here, untimed."""
    lams = ",".join(f"{lam:.4g}" for lam in LAMS)
    asked = ["strategy=feature_transfer", "controls=false", f"trainer.steps={steps}"]
    asked += [f"runs_dir={folder}/runs", "device=cpu", "rerun=false"]

    def jobs(values: str) -> list[Job]:
        request = preflight([*asked, f"lam.value={values}"], multirun=True)
        plan = plan_sweep([job.run for job in request.jobs], QuietScreen(), lambda _: None)
        return [Job(name, run, folder / "log") for name, run in plan.missing.values()]

    made: list[float] = []

    def stacked(clock: Clock) -> None:
        # other λ every time, so that nothing is found but the source and its features
        made.append(1.0 + 0.001 * len(made))
        values = ",".join(f"{lam * made[-1]:.7g}" for lam in LAMS)
        todo = jobs(values)
        over: list[str] = []
        clock.begin()
        carry_out(todo, QuietScreen(), lambda result: over.append(result.reason))
        clock.end()
        if over != [""] * len(LAMS):
            raise RuntimeError(f"expected {len(LAMS)} runs, found {over}")

    data = hand.problem(0)
    phi = hand.train_source(data["source"], steps, "bare")
    with torch.no_grad():
        seen = {name: (phi(x.contiguous()), y) for name, (x, y) in data.items()}

    def by_hand(loop: str) -> Callable[[Clock], None]:
        def run(clock: Clock) -> None:
            place = Path(tempfile.mkdtemp(dir=folder))
            clock.begin()
            hand.train_heads(nn.Identity(), phi, seen, [float(x) for x in lams.split(",")], 0,
                             steps, loop, place)  # fmt: skip
            clock.end()

        return run

    return {
        "tl-run": lambda: timed(stacked),
        "by hand": lambda: timed(by_hand("as_written")),
        "bare": lambda: timed(by_hand("bare")),
    }


ROWS: dict[str, tuple[str, Mapping[str, str]]] = {
    "training64": ("16 heads, d=64, training alone", {"by hand": "≥ 20x"}),
    "training256": ("16 heads, d=256, training alone", {"by hand": "≥ 20x"}),
    "training512": ("16 heads, d=512, training alone", {"by hand": "≥ 20x"}),
    "files200": ("16 heads, d=256, 200 steps, to whole folders", {"by hand": "≥ 10x"}),
    "files1000": ("16 heads, d=256, 1,000 steps, to whole folders", {"by hand": "≥ 10x"}),
}


def measured(row: str, rounds: int, folder: Path) -> dict[str, Any]:
    """So many rounds of a row after one to warm up, every arm in turn."""
    title, goals = ROWS[row]
    number = int(row.lstrip("traingfles"))
    arms = training(number) if row.startswith("training") else with_files(number, folder)
    busy = busy_cores()
    found: dict[str, list[dict[str, float]]] = {arm: [] for arm in arms}
    for turn, arm, sample in interleaved(list(arms), rounds, lambda arm: arms[arm]()):
        if isinstance(sample, Exception):
            raise sample
        told = f"{row}, round {turn} of {rounds}: {arm} {sample.loop_cpu:.3f} s CPU"
        print(told, file=sys.stderr, flush=True)
        if turn:
            found[arm].append({"cpu": sample.loop_cpu, "wall": sample.loop_wall})
    return {
        "row": row,
        "title": title,
        "goals": dict(goals),
        "epochs": None,
        "command": " ".join(("python benchmarks/stacked_heads.py", *sys.argv[1:])),
        **origin(),
        "busy cores before": busy,
        "rounds": rounds,
        "arms": found,
        "failed": {},
    }


def main() -> None:
    """Measure what was asked for, keep it, show it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW")
    parser.add_argument("--rounds", type=int, default=7, help="beside one to warm up; default: 7")
    parser.add_argument("--table", action="store_true", help="show what is kept and end")
    parser.add_argument("--out", type=Path, default=HEADS, help=f"default: {HEADS}")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.out.mkdir(parents=True, exist_ok=True)
    if not asked.table:
        for row in asked.rows:
            with tempfile.TemporaryDirectory() as folder:
                record = measured(row, asked.rounds, Path(folder))
            text = json.dumps(record, indent=2, ensure_ascii=False)
            (asked.out / f"{row}.json").write_text(f"{text}\n", encoding="utf-8")
            time.sleep(0.5)
    kept = [asked.out / f"{row}.json" for row in ROWS]
    print(table(json.loads(path.read_text(encoding="utf-8")) for path in kept if path.exists()))


if __name__ == "__main__":
    main()
