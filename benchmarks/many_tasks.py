"""A training step of many tasks: tl-run's own loop beside one head after another, by hand.

    python benchmarks/many_tasks.py
    python benchmarks/many_tasks.py -T 3 100 -n 9 --json FILE

Milliseconds of CPU a step, on one thread, of T tasks of three classes, once on the inputs of one
domain, once each in a domain of its own: tables of 64 columns, mlp 64-32, batches of 64, Adam, on
Σ L_i. `tl-run` is `fit` with shared_parameters. `one after another` is what people write: one φ, an
nn.Linear a task, F.cross_entropy and Adam(fused=True), over the same batches as indexed tensors;
the tasks of one domain share its pass through φ, and each domain has a pass.

In every round both train in turn. Printed are the medians [least..largest] of the rounds, and of
their ratios, one after another / tl-run. Other work on the machine moves all of these, the ratio
less. Building models and data counts for nothing, and neither arm validates.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  # torch's own spelling

from tlrun.core.inputs import InputSpec
from tlrun.core.problem import Domain, Split
from tlrun.core.task import Task
from tlrun.data.batches import Batches, as_batch
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.strategies.base import Stage
from tlrun.strategies.schedules import Constant
from tlrun.strategies.shared_parameters import SharedParameters
from tlrun.training.loop import fit
from tlrun.training.optimizers import Adam
from tlrun.training.options import TrainerOptions
from tlrun.training.state import TrainState

COLUMNS, HIDDEN, BATCH, EXAMPLES, CLASSES = 64, (64, 32), 64, 1000, ("a", "b", "c")
WAYS = ("one domain", "a domain each")
ARMS = ("tl-run", "one after another")


class Nobody:
    """A recorder that keeps nothing."""

    def step(self, state: TrainState, terms: Mapping[str, float]) -> None:
        """Forget it."""

    def log(self, row: Mapping[str, object]) -> None:
        """Forget it."""


def made(way: str, number: int) -> dict[str, Domain]:
    """Random examples of `number` tasks, of one domain or each of its own, by the domain's name."""
    rng = np.random.default_rng(0)

    def domain(name: str, tasks: tuple[Task, ...]) -> Domain:
        inputs = rng.standard_normal((EXAMPLES, COLUMNS)).astype(np.float32)
        labels = {task.name: rng.integers(0, len(CLASSES), EXAMPLES) for task in tasks}
        return Domain(name, "peer", tasks, Split(inputs, labels, np.arange(EXAMPLES)))

    if way == "one domain":
        tasks = tuple(Task(f"task{k}", "multiclass", CLASSES) for k in range(number))
        return {"domain": domain("domain", tasks)}
    same = (Task("task", "multiclass", CLASSES),)
    return {f"domain{k}": domain(f"domain{k}", same) for k in range(number)}


def ours(domains: Mapping[str, Domain], steps: int) -> Callable[[], None]:
    """`steps` updates by tl-run's loop, ready to begin."""
    tasks = {name: domain.tasks for name, domain in domains.items()}
    model = draw_model(Mlp(HIDDEN), InputSpec((COLUMNS,)), tasks, "target", 0, "heads")
    batches = {name: Batches(domain.train, name, BATCH, 0) for name, domain in domains.items()}
    stage = Stage(
        "tasks",
        tuple(domains),
        steps,
        lam=Constant(0.0),
        task_specific="heads",
        trained_for="all tasks",
    )
    trainer = TrainerOptions(steps=steps, batch_size=BATCH, eval_every=10**6)
    state = TrainState.begin(stage, model, Adam(), batches)
    return lambda: fit(stage, model, domains, SharedParameters(), trainer, state, Nobody())


def by_hand(domains: Mapping[str, Domain], steps: int) -> Callable[[], None]:
    """The same, one domain after another and one head after another."""
    phi = nn.Sequential(
        nn.Linear(COLUMNS, HIDDEN[0]), nn.ReLU(), nn.Linear(HIDDEN[0], HIDDEN[1]), nn.ReLU()
    )
    heads = {
        (name, task.name): nn.Linear(HIDDEN[1], len(CLASSES))
        for name, domain in domains.items()
        for task in domain.tasks
    }
    every = [*phi.parameters(), *(p for head in heads.values() for p in head.parameters())]
    optimizer = torch.optim.Adam(every, fused=True)
    data = {name: as_batch(domain.train) for name, domain in domains.items()}

    def train() -> None:
        for _ in range(steps):
            total = torch.zeros(())
            for name, domain in domains.items():
                rows = torch.randint(EXAMPLES, (BATCH,))
                z = phi(data[name].inputs[rows])
                for task in domain.tasks:
                    outputs = heads[name, task.name](z)
                    total = total + F.cross_entropy(outputs, data[name].labels[task.name][rows])
            optimizer.zero_grad()
            total.backward()  # type: ignore[no-untyped-call]
            optimizer.step()

    return train


def milliseconds(prepare: Callable[..., Callable[[], None]], way: str, number: int) -> float:
    """CPU milliseconds a step of `number` tasks, after a few steps that do not count."""
    domains, steps = made(way, number), max(20, 1000 // number)
    prepare(domains, 3)()
    train = prepare(domains, steps)
    started = time.process_time()
    train()
    return (time.process_time() - started) / steps * 1000


def measured(way: str, number: int, rounds: int) -> dict[str, object]:
    """A row: what every round took, by arm, in turn."""
    took: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for _ in range(rounds):
        for arm, prepare in zip(ARMS, (ours, by_hand), strict=True):
            took[arm].append(milliseconds(prepare, way, number))
    ratios = [hand / own for own, hand in zip(took[ARMS[0]], took[ARMS[1]], strict=True)]
    return {"tasks": number, "way": way, "milliseconds": took, "ratios": ratios}


def spread(numbers: Sequence[float]) -> str:
    """The median [least..largest] of some numbers."""
    return f"{statistics.median(numbers):.2f} [{min(numbers):.2f}..{max(numbers):.2f}]"


def main() -> None:
    """Measure what was asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-T", type=int, nargs="+", default=[2, 3, 10, 29, 100], help="tasks")
    parser.add_argument("-n", type=int, default=7, help="rounds")
    parser.add_argument("--json", type=Path, help="where every round's numbers are written")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    print(
        f"| tasks | | {' | '.join(f'{arm}, ms' for arm in ARMS)} | ratio |\n|---|---|---|---|---|"
    )
    for way in WAYS:
        for number in asked.T:
            row = measured(way, number, asked.n)
            rows.append(row)
            took = row["milliseconds"]
            assert isinstance(took, dict)
            assert isinstance(row["ratios"], list)
            cells = [*(spread(took[arm]) for arm in ARMS), spread(row["ratios"])]
            print(f"| {number} | {way} | {' | '.join(cells)} |", flush=True)
    print(f"n={asked.n} rounds, one thread, torch {torch.__version__}")
    if asked.json is not None:
        text = json.dumps({"torch": torch.__version__, "rounds": asked.n, "rows": rows}, indent=1)
        asked.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
