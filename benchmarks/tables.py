"""Multi-task methods on two public tables, each arm's λ chosen on validation labels of the other
seeds.

    python benchmarks/tables.py landmine      29 binary tasks, 20 labels each (6 of them validate), 10 splits
    python benchmarks/tables.py parkinsons    2 regression tasks, splits by subject, 10 splits

Reads landmine.mat and parkinsons_updrs.data from the folder $TLRUN_TEST_DATA. Runs go to runs/; the
same command finds them again. Every arm has the same labels, steps and optimiser. For a seed, an
arm's λ is the one of the lowest mean validation loss on the *other* seeds, and "best by validation"
also chooses the arm so; the test set chooses nothing.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

from tlrun.report.statistics import paired_interval

LAMBDAS = {"landmine": "0.01,0.1,1,10,100", "parkinsons": "0.01,0.1,1,10"}
SEEDS = range(10)
FOLDER = Path("runs/tables")
# The fields of the landmine data are of two kinds of ground: 1 to 15 foliated, 16 to 29 bare (Xue
# et al., JMLR 2007).
GROUNDS = [[float((s < 15) == (t < 15) and s != t) for t in range(29)] for s in range(29)]
COMMON = {
    "landmine": [
        "dataset=table_csv", f"dataset.path={FOLDER}/landmine.csv", "dataset.task=field", "dataset.labels=20",
        "dataset.val_share=0.3", "dataset.split_seed=null", "backbone=identity", "optimizer.lr=0.03",
        "trainer.batch_size=20", "trainer.eval_every=200",
    ],
    "parkinsons": [
        "dataset=table_csv", f"dataset.path={FOLDER}/parkinsons.csv", "dataset.predict=[motor_UPDRS,total_UPDRS]",
        "dataset.group='subject#'", r"dataset.separator='\t'", "dataset.val_share=0.2", "dataset.split_seed=null",
        "backbone=mlp", "trainer.steps=500", "trainer.eval_every=500",
    ],
}  # fmt: skip
ARMS: dict[str, tuple[str, ...]] = {  # λ is swept where it acts
    "single_task": ("strategy=single_task",),
    "pooled": ("strategy=shared_parameters", "strategy.heads=shared"),
    "shared_parameters": ("strategy=shared_parameters",),
    "ridge": ("strategy=task_relation", "strategy.relation=ridge"),
    "mean": ("strategy=task_relation", "strategy.relation=mean"),
    "graph": (
        "strategy=task_relation",
        "strategy.relation=graph",
        f"strategy.graph={FOLDER}/grounds.csv",
    ),
    "trace_norm": ("strategy=task_relation", "strategy.relation=trace_norm"),
    "covariance": ("strategy=task_relation", "strategy.relation=covariance"),
    "asymmetric": ("strategy=task_transfer",),
    "asymmetric, one way": ("strategy=task_transfer", "strategy.one_way=true"),
    "distillation": ("strategy=task_transfer", "strategy.transfer=distillation"),
    "born_again": ("strategy=task_transfer", "strategy.transfer=born_again"),
}
LEFT_OUT = {
    "landmine": set[str](),
    "parkinsons": {"pooled", "mean", "graph", "asymmetric, one way", "distillation"},
}  # two label spaces, and no graph of two tasks to speak of


def export() -> None:
    """The data as CSV files."""
    from scipy.io import loadmat

    home = Path(os.environ.get("TLRUN_TEST_DATA", "../shared/data"))
    FOLDER.mkdir(parents=True, exist_ok=True)
    mines = loadmat(home / "landmine.mat")
    with (FOLDER / "landmine.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["field", *(f"x{k}" for k in range(1, 10)), "mine"])
        for field, (inputs, labels) in enumerate(
            zip(mines["feature"][0], mines["label"][0], strict=True), 1
        ):
            rows.writerows(
                [field, *row, int(label[0])] for row, label in zip(inputs, labels, strict=True)
            )
    with (FOLDER / "grounds.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["", *range(1, 30)])
        rows.writerows([t + 1, *row] for t, row in enumerate(GROUNDS))
    (FOLDER / "parkinsons.csv").write_bytes((home / "parkinsons_updrs.data").read_bytes())


def run(study: str) -> None:
    """Every arm, λ and seed; what is finished is found."""
    for arm, words in ARMS.items():
        if arm not in LEFT_OUT[study]:
            swept = [f"lam.value={LAMBDAS[study]}"] if "task_" in words[0] else []
            seeds = f"seed={','.join(map(str, SEEDS))}"
            command = [
                "-m",
                *COMMON[study],
                *words,
                *swept,
                seeds,
                f"runs_dir={FOLDER}/{study}",
                "controls=false",
            ]
            subprocess.run(
                [sys.executable, "-m", "tlrun", *command], check=True, stdout=subprocess.DEVNULL
            )
            print(f"done: {arm}", file=sys.stderr)


def results(study: str) -> dict[str, dict[float, dict[int, Mapping[str, Any]]]]:
    """The headline of every run, by arm, λ and seed."""
    found: dict[str, dict[float, dict[int, Mapping[str, Any]]]] = {}
    for path in (FOLDER / study).glob("table_csv/*/*/result.json"):
        config = yaml.safe_load((path.parent / "config.yaml").read_text(encoding="utf-8"))
        lam = float(config["lam"]["value"]) if "lam" in config else 0.0
        headline = json.loads(path.read_text(encoding="utf-8"))["headline"]
        found.setdefault(_arm(config["strategy"]), {}).setdefault(lam, {})[config["seed"]] = (
            headline
        )
    return found


def _arm(strategy: Mapping[str, Any]) -> str:
    if strategy["name"] == "shared_parameters":
        return "pooled" if strategy["heads"] == "shared" else "shared_parameters"
    if strategy["name"] == "task_relation":
        return str(strategy["relation"])
    if strategy["name"] == "task_transfer":
        return f"{strategy['transfer']}{', one way' if strategy['one_way'] else ''}"
    return str(strategy["name"])


def report(study: str) -> None:
    """Each arm at the λ that validation chose, and its gain over single_task on the same seeds."""
    runs = results(study)
    alone = {seed: runs["single_task"][0.0][seed]["test"] for seed in SEEDS}
    told = [(arm, {seed: _chosen({(arm, lam): by for lam, by in axis.items()}, seed) for seed in SEEDS})
            for arm, axis in runs.items()]  # fmt: skip
    every = {(arm, lam): by for arm, axis in runs.items() for lam, by in axis.items()}
    told.append(("best by validation", {seed: _chosen(every, seed) for seed in SEEDS}))
    name = runs["single_task"][0.0][0]["name"]
    print(f"| arm | test {name} | gain over single_task | λ chosen |\n|---|---|---|---|")
    for arm, picks in told:
        scores = [test for _, test in picks.values()]
        score, half = paired_interval(scores)
        gain, spread = paired_interval([test - alone[seed] for seed, (_, test) in picks.items()])
        picked = sorted({key for key, _ in picks.values()})
        names = [
            f"{name} {lam:g}" if arm.startswith("best") else f"{lam:g}" for name, lam in picked
        ]
        print(
            f"| {arm} | {score:.3f} ± {half:.3f} | {gain:+.3f} ± {spread:.3f} | {', '.join(names)} |"
        )


def _chosen(
    candidates: Mapping[tuple[str, float], Mapping[int, Mapping[str, Any]]], seed: int
) -> tuple[tuple[str, float], float]:
    """The candidate of the lowest mean validation loss on the other seeds, and its test score on
    this one."""
    losses = {
        key: fmean(by[other]["val_loss"] for other in SEEDS if other != seed)
        for key, by in candidates.items()
    }
    best = min(losses, key=losses.__getitem__)
    return best, float(candidates[best][seed]["test"])


if __name__ == "__main__":
    export()
    run(sys.argv[1])
    report(sys.argv[1])
