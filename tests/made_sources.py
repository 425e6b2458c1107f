"""A table of one target and of sources of which it is known how far they help; problems like it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from problems import config

KINDS = ("cat", "dog", "owl")
SOURCES = ("far", "noisy", "permuted", "twin")  # of the target `home`
ROWS = 150  # of each domain


def put_table(path: Path) -> Path:
    """Write it. Returns its path.

    Every domain has three clouds, one a kind. twin: those of home. noisy: with a third of the kinds
    drawn anew. far: all moved to one side. permuted: each kind is called as the next.
    """
    lines = ["x,y,z,place,kind"]
    for seed, name in enumerate(("home", *SOURCES)):
        rng = np.random.default_rng(seed)
        kinds = np.arange(ROWS) % 3
        inputs = rng.normal(size=(ROWS, 3)) + 2.5 * np.eye(3)[kinds]
        if name == "far":
            inputs += np.array([2.5, 0.0, 0.0])
        if name == "noisy":
            kinds = np.where(rng.random(ROWS) < 1 / 3, rng.integers(0, 3, ROWS), kinds)
        if name == "permuted":
            kinds = (kinds + 1) % 3
        for row, kind in zip(inputs, kinds, strict=True):
            lines.append(",".join([*(f"{x:.4f}" for x in row), name, KINDS[kind]]))
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def node(path: Path, **changes: Any) -> dict[str, Any]:
    """The data set of the table, `home` being the target with 30 labels."""
    plain = {"name": "table_csv", "path": str(path), "task": "place", "target": "home"}
    return {**plain, "labels": 30, "predict": "kind", "duplicates": "keep", **changes}


def asked(tmp_path: Path, steps: int = 40, **changes: Any) -> dict[str, Any]:
    """The config of a transfer to the target; changes: of the node of the data set, or `seed`."""
    nodes = {"seed": changes.pop("seed", 0)}
    if "strategy" in changes:
        nodes["strategy"] = {"name": changes.pop("strategy")}
    path = tmp_path / "table.csv"
    if not path.exists():
        put_table(path)
    trainer = {"name": "trainer", "steps": steps, "batch_size": 16, "eval_every": 40}
    optimizer = {"name": "adam", "lr": 0.02}
    dataset = node(path, **changes)
    return config(tmp_path / "runs", dataset=dataset, trainer=trainer, optimizer=optimizer, **nodes)
