"""Our strategies beside scikit-learn's on public tables, over 10 splits.

    python benchmarks/tables.py landmine      29 binary tasks, 20 labels each (6 of them validate)
    python benchmarks/tables.py parkinsons    2 regression tasks, splits by subject
    python benchmarks/tables.py breast_50     one binary task, 50 labels
    python benchmarks/tables.py breast        the same, all labels of the pool

Reads landmine.mat and parkinsons_updrs.data from the folder $TLRUN_TEST_DATA, the breast cancer
table from scikit-learn. Runs go to runs/; the same command finds them again. Every arm has the same
labels; every network the same steps and optimiser. For a seed, an arm's λ is the one of the lowest
mean validation loss on the *other* seeds, and "best by validation" also chooses the network so; the
test set chooses nothing. The estimators of scikit-learn learn from the labels that validate, too.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any

import yaml

from tlrun import load_runs
from tlrun.report.statistics.over_seeds import paired_interval

Headline = Mapping[str, Any]  # of result.json
LAMBDAS = {"landmine": "0.01,0.1,1,10,100", "parkinsons": "0.01,0.1,1,10"}
SEEDS = range(10)
FOLDER = Path("runs/tables")
# The fields of the landmine data are of two kinds of ground: 1 to 15 foliated, 16 to 29 bare (Xue
# et al., JMLR 2007).
GROUNDS = [[float((s < 15) == (t < 15) and s != t) for t in range(29)] for s in range(29)]
COMMON = {
    "landmine": [
        "dataset=table_csv",
        f"dataset.path={FOLDER}/landmine.csv",
        "dataset.task=field",
        "dataset.labels=20",
        "dataset.val_share=0.3",
        "dataset.split_seed=null",
        "backbone=identity",
        "optimizer.lr=0.03",
        "trainer.batch_size=20",
        "trainer.eval_every=200",
    ],
    "parkinsons": [
        "dataset=table_csv",
        f"dataset.path={FOLDER}/parkinsons.csv",
        "dataset.predict=[motor_UPDRS,total_UPDRS]",
        "dataset.group='subject#'",
        r"dataset.separator='\t'",
        "dataset.val_share=0.2",
        "dataset.split_seed=null",
        "backbone=mlp",
        "trainer.steps=500",
        "trainer.eval_every=500",
    ],
    "breast_50": [
        "dataset=table_csv",
        f"dataset.path={FOLDER}/breast.csv",
        "dataset.split_seed=null",
        "dataset.labels=50",
    ],
    "breast": [
        "dataset=table_csv",
        f"dataset.path={FOLDER}/breast.csv",
        "dataset.split_seed=null",
    ],
}
ESTIMATORS: dict[str, tuple[str, ...]] = {
    "constant_prediction": ("strategy=constant_prediction",),
    "linear_model": ("strategy=linear_model",),
    "linear_model, pooled": ("strategy=linear_model", "strategy.rows=pooled"),
    "gradient_boosting": ("strategy=gradient_boosting",),
    "gradient_boosting, pooled": ("strategy=gradient_boosting", "strategy.rows=pooled"),
}
SINGLE = {
    "single_task": ("strategy=single_task", "backbone=mlp"),
    "single_task, identity": ("strategy=single_task", "backbone=identity"),
}
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
    **ESTIMATORS,
}
POOLED = {name for name in ESTIMATORS if name.endswith("pooled")}
# Of Parkinson's: two label spaces of one domain, and no graph of two tasks to speak of.
NOT_PARKINSONS = {"pooled", "mean", "graph", "asymmetric, one way", "distillation"} | POOLED
STUDIES: dict[str, dict[str, tuple[str, ...]]] = {
    "landmine": ARMS,
    "parkinsons": {name: words for name, words in ARMS.items() if name not in NOT_PARKINSONS},
    **dict.fromkeys(
        ("breast_50", "breast"),
        SINGLE | {name: words for name, words in ESTIMATORS.items() if name not in POOLED},
    ),
}


def export(study: str) -> None:
    """The data of `study` as CSV files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if study.startswith("breast"):
        _export_breast_cancer()
        return
    from scipy.io import loadmat

    home = Path(os.environ.get("TLRUN_TEST_DATA", "../shared/data"))
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


def _export_breast_cancer() -> None:
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer()
    with (FOLDER / "breast.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow([*data.feature_names, "tumour"])
        for inputs, label in zip(data.data.tolist(), data.target.tolist(), strict=True):
            rows.writerow([*inputs, data.target_names[label]])


def run(study: str) -> None:
    """Run every arm, λ and seed; what is finished is found."""
    shared = [*COMMON[study], f"seed={','.join(map(str, SEEDS))}"]
    shared += [f"runs_dir={FOLDER}/{study}", "controls=false"]
    for arm, overrides in STUDIES[study].items():
        command = [sys.executable, "-m", "tlrun", "-m", *shared, *overrides]
        if overrides[0] in ("strategy=task_relation", "strategy=task_transfer"):
            command.append(f"lam.value={LAMBDAS[study]}")
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        print(f"done: {arm}", file=sys.stderr)


def results(study: str) -> dict[str, dict[float, dict[int, Headline]]]:
    """The headline of every run, by arm, λ and seed."""
    headlines: dict[str, dict[float, dict[int, Headline]]] = {}
    for outcome in load_runs(FOLDER / study):
        config = yaml.safe_load((outcome.path / "config.yaml").read_text(encoding="utf-8"))
        axis = headlines.setdefault(_arm(config), {})
        axis.setdefault(outcome.lam or 0.0, {})[outcome.seed] = outcome.result["headline"]
    return headlines


def _arm(config: Mapping[str, Any]) -> str:
    strategy = config["strategy"]
    if "rows" in strategy:
        return f"{strategy['name']}{', pooled' if strategy['rows'] == 'pooled' else ''}"
    if strategy["name"] == "single_task" and "breast" in config["dataset"]["path"]:
        return (
            "single_task, identity" if config["backbone"]["name"] == "identity" else "single_task"
        )
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
    alone = runs["single_task"][0.0]
    every: dict[tuple[str, float], Mapping[int, Headline]] = {}
    print(f"| arm | test {alone[0]['name']} | gain over single_task | λ chosen |")
    print("|---|---|---|---|")
    for arm, axis in runs.items():
        candidates = {(arm, lam): by_seed for lam, by_seed in axis.items()}
        if arm not in ESTIMATORS:
            every |= candidates
        chosen, figures = _at_the_chosen(candidates, alone)
        print(f"| {arm} | {figures} | {', '.join(f'{lam:g}' for _, lam in chosen)} |")
    if all(headline["val_loss"] is None for headline in alone.values()):
        return
    chosen, figures = _at_the_chosen(every, alone)
    names = ", ".join(f"{arm} {lam:g}" for arm, lam in chosen)
    print(f"| best by validation | {figures} | {names} |")


def _at_the_chosen(
    candidates: Mapping[tuple[str, float], Mapping[int, Headline]], alone: Mapping[int, Headline]
) -> tuple[list[tuple[str, float]], str]:
    """The arms and λ that validation chose for any seed; their test score and gain as cells."""
    chosen, scores, gains = set[tuple[str, float]](), [], []
    for seed in SEEDS:
        best = _chosen(candidates, seed)
        chosen.add(best)
        scores.append(candidates[best][seed]["test"])
        gains.append(scores[-1] - alone[seed]["test"])
    (score, half), (gain, spread) = paired_interval(scores), paired_interval(gains)
    return sorted(chosen), f"{score:.3f} ± {half:.3f} | {gain:+.3f} ± {spread:.3f}"


def _chosen(
    candidates: Mapping[tuple[str, float], Mapping[int, Headline]], seed: int
) -> tuple[str, float]:
    """The candidate of the lowest mean validation loss on the other seeds."""
    if len(candidates) == 1:
        return next(iter(candidates))
    losses = {}
    for key, by_seed in candidates.items():
        losses[key] = fmean(by_seed[other]["val_loss"] for other in SEEDS if other != seed)
    return min(losses, key=losses.__getitem__)


if __name__ == "__main__":
    export(sys.argv[1])
    run(sys.argv[1])
    report(sys.argv[1])
