"""Folders of finished runs that nobody trained: what a report reads, with scores as asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from safetensors.numpy import save_file

from tlrun.core.metrics import headline_name, metric_of, score
from tlrun.core.task import Kind, MetricName, Task
from tlrun.strategies.schedules import written

TASK = "target/kind"
CLASSES = ("cat", "dog")
CONTROLS = {"scratch": "scratch", "source_only": "source_only"}
START = "2026-01-01T00:00:{:02d}.000+00:00"


@dataclass(frozen=True)
class Made:
    """What a run says of one task on N test examples.

    outputs: [N, k]. labels: [N]. classes: none for a number. index: [N], the rows of the data set;
    None for the first N. folds, groups: [N], or none.
    """

    outputs: np.ndarray
    labels: np.ndarray
    metric: MetricName = "accuracy"
    classes: tuple[str, ...] = CLASSES
    index: np.ndarray | None = None
    folds: np.ndarray | None = None
    groups: np.ndarray | None = None

    @property
    def task(self) -> Task:
        """The task, under a name that no score depends on."""
        kind: Kind = "multiclass" if self.classes else "regression"
        return Task("made", kind, self.classes, self.metric)

    @property
    def score(self) -> float | None:
        """As a run would have it."""
        return score(self.metric, self.task, self.outputs, self.labels)


def labels_of(rows: int) -> np.ndarray:
    """Every second test example is a dog."""
    return np.arange(rows, dtype=np.int64) % 2


def right_on(right: np.ndarray, **more: Any) -> Made:
    """Two classes. right: bool [N], which test examples are answered right."""
    labels = labels_of(len(right))
    guesses = np.where(right, labels, 1 - labels)
    outputs = np.where(guesses[:, None] == np.arange(2), 1.0, -1.0)
    return Made(outputs, labels, **more)


def off_by(errors: np.ndarray, metric: MetricName = "mae", **more: Any) -> Made:
    """A number from 0 to 6. errors: [N], by how much each answer is too high."""
    labels = np.arange(len(errors)) % 7.0
    return Made((labels + errors)[:, None], labels, metric, (), **more)


def put_run(
    runs_dir: Path,
    strategy: str,
    seed: int,
    right: np.ndarray | Mapping[str, Made],
    *,
    lam: float | None = None,
    options: Mapping[str, Any] | None = None,
    controls: Mapping[str, str] = CONTROLS,
    problem: str = "aaaaaaaaaaaa",
    val_loss: float | None = None,
    loss: float = 0.5,
    groups: np.ndarray | None = None,
    network: bool = True,
    **record: Any,
) -> Path:
    """A finished run. Returns its folder.

    right: bool [M], which test examples of two classes it gets right; or each task, by domain and
    name. options: of its strategy. controls: the setting of each; a setting is a strategy's name,
    with λ where it has one. loss: on the test set. network: whether it is one.
    record: changes to run.json.
    """
    label = "" if lam is None else written(lam)
    told = "".join(f" {key}={value}" for key, value in (options or {}).items())
    family = f"{strategy}{told}"
    setting = f"{family} λ={label}" if label else family
    name = f"{setting}_seed={seed}".replace(" ", "_").replace("/", "_").replace("\n", "_")
    path = runs_dir / "made" / strategy / name
    path.mkdir(parents=True)
    tasks = right if isinstance(right, Mapping) else {TASK: right_on(right, groups=groups)}
    tensors = {}
    for key, made in tasks.items():
        rows = np.arange(len(made.labels)) if made.index is None else made.index
        parts = {"labels": made.labels, "index": rows, "fold": made.folds, "group": made.groups}
        tensors[key] = made.outputs
        tensors |= {f"{key}/{name}": part for name, part in parts.items() if part is not None}
    save_file(tensors, path / "predictions.safetensors")
    files = {
        "result.json": _result(tasks, loss, val_loss, network),
        "data.json": {"splits": [row for task in tasks.items() for row in _splits(*task)]},
        "run.json": {
            "status": "finished",
            "started": START.format(seed % 60),
            "fingerprint": {"torch": "2"},
            "data": f"drawn by {seed}",
            "strategy": strategy,
            "seed": seed,
            "problem": problem,
            "setting": setting,
            "family": family,
            "lam": None if lam is None else str(lam) if np.isinf(lam) else lam,
            "lam_label": label,
            "controls": {} if setting in controls.values() else dict(controls),
            "optimizer": {"name": "adam", "lr": 0.003},
            "test_examples": "e",
            "seconds": 1.5,
            "files": [],
            **record,
        },
    }
    for name, content in files.items():
        (path / name).write_text(json.dumps(content), encoding="utf-8")
    config = {"dataset": {"name": "made"}, "strategy": {"name": strategy, **(options or {})}}
    (path / "config.yaml").write_text(yaml.safe_dump(config | {"seed": seed}), encoding="utf-8")
    logged = [
        json.dumps({"stage": "target", "step": step, "terms": {"total": 1 / step}})
        for step in (10, 20, 30)
    ]
    (path / "metrics.jsonl").write_text("\n".join(logged), encoding="utf-8")
    return path


def draws(share: float, seeds: int, rows: int, start: int = 0) -> list[np.ndarray]:
    """Which of M test examples are right, for each seed: each with probability `share`."""
    rng = np.random.default_rng(start)
    return [rng.random(rows) < share for _ in range(seeds)]


def put_arm(
    runs_dir: Path, strategy: str, share: float, seeds: int = 6, rows: int = 400, **facts: Any
) -> None:
    """A run a seed of one strategy, right on about that share of all test examples.

    Of two arms the same examples are hard.
    """
    rng = np.random.default_rng(0)
    hard = rng.random(rows)
    for seed in range(seeds):
        luck = np.random.default_rng([seed, *strategy.encode()]).random(rows)
        put_run(runs_dir, strategy, seed, 0.7 * hard + 0.3 * luck < share, **facts)


def put_study(runs_dir: Path, seeds: int = 6, rows: int = 400) -> None:
    """An arm that helps, one that hurts, and what they are measured against."""
    put_arm(runs_dir, "scratch", 0.5, seeds, rows)
    put_arm(runs_dir, "source_only", 0.6, seeds, rows)
    put_arm(runs_dir, "parameter_transfer", 0.8, seeds, rows, lam=1.0)
    put_arm(runs_dir, "feature_transfer", 0.3, seeds, rows, lam=1.0)


def put_numbers(
    runs_dir: Path, strategy: str, size: float, seeds: int = 6, rows: int = 200, **facts: Any
) -> None:
    """A run a seed that predicts a number, off by about `size`: the lower the better."""
    for seed in range(seeds):
        errors = size * np.random.default_rng([seed, *strategy.encode()]).normal(size=rows)
        put_run(runs_dir, strategy, seed, {"target/price": off_by(errors)}, **facts)


def _result(
    tasks: Mapping[str, Made], loss: float, val_loss: float | None, network: bool
) -> dict[str, Any]:
    scores = {key: made.score for key, made in tasks.items()}
    metrics = {key: made.metric for key, made in tasks.items()}
    of_target = all(key.startswith("target/") for key in tasks)
    name = headline_name([replace(m.task, name=key) for key, m in tasks.items()], of_target)
    known = [value for value in scores.values() if value is not None]
    whole = len(known) == len(tasks) and metric_of(name) is not None
    return {
        "headline": {
            "name": name,
            "val": None,
            "test": float(np.mean(known)) if whole else None,
            "tasks": metrics,
            "val_loss": val_loss,
        },
        "metrics": {
            "val": {},
            "test": {key: {"loss": loss, metrics[key]: scores[key]} for key in tasks},
        },
        "tested": {key: _tested(made) for key, made in tasks.items()},
        "labels": {"source": 100, **{key.partition("/")[0]: 20 for key in tasks}},
        "steps": 200,
        "examples": 2000,
        "size": {"parameters": 10, "nonzeros": 10, "flops": 20} if network else None,
    }


def _tested(made: Made) -> dict[str, Any]:
    found: dict[str, Any] = {"labels": len(made.labels)}
    if made.classes:
        counts = np.bincount(made.labels, minlength=len(made.classes)).tolist()
        found["classes"] = dict(zip(made.classes, counts, strict=True))
    return found


def _splits(key: str, made: Made) -> list[dict[str, Any]]:
    domain, _, task = key.partition("/")
    rows = []
    for which, count in (("train", 20), ("test", len(made.labels))):
        row: dict[str, Any] = {
            "domain": domain,
            "role": "target" if domain == "target" else "peer",
            "split": which,
            "task": task,
            "kind": made.task.kind,
            "examples": count,
            "labels": count,
        }
        if made.classes:
            row["classes"] = dict.fromkeys(made.classes, count // len(made.classes))
        rows.append(row | ({"not bought": 80} if which == "train" else {}))
    return rows
