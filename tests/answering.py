"""Small runs that are trained, moved elsewhere and left alone, to be asked for new rows."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from tlrun.runs.plan import THIS

from problems import Watcher, config, performed, planned

HEADER = ("age", "colour", "site", "weight", "ill")
# A data set and a method that have every kind of model there is.
TRANSFER = {"name": "digits_domains", "target": "noise", "val_share": 0.2}
TOGETHER = {"name": "digits_binary"}
STRATEGIES: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "feature_transfer": (TRANSFER, {"name": "feature_transfer"}),
    "parameter_transfer": (TRANSFER, {"name": "parameter_transfer"}),
    "structure_transfer": (TRANSFER, {"name": "structure_transfer", "structure": "width"}),
    "shared_parameters": ({"name": "digits_tasks"}, {"name": "shared_parameters"}),
    "task_relation": (TOGETHER, {"name": "task_relation", "relation": "covariance"}),
    "task_transfer": (TOGETHER, {"name": "task_transfer"}),
    "single_task": (TOGETHER, {"name": "single_task"}),
    "source_only": ({"name": "digits_domains", "target": "noise"}, {"name": "source_only"}),
    "mean at infinity": ({"name": "digits_domains"}, {"name": "task_relation", "relation": "mean"}),
}
TABLE = {"name": "table_csv", "val_share": 0.2, "ignore": ["site"]}


def cells(count: int = 120) -> list[tuple[str, ...]]:
    """Rows of a table with two numbers, two categories and two classes; some cells are empty."""
    rng = np.random.default_rng(7)
    rows: list[tuple[str, ...]] = []
    for k in range(count):
        age, weight = rng.normal(50, 10), rng.normal(70, 12)
        ill = ("no", "yes")[int(age + rng.normal(0, 5) > 50)]
        shown = "" if k % 17 == 3 else f"{age:.1f}"
        rows.append((shown, ["red", "green", "blue"][k % 3], "AB"[k % 2], f"{weight:.2f}", ill))
    return rows


def csv_of(rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> str:
    return "\n".join(map(",".join, [header, *rows])) + "\n"


def columns_of(
    rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER
) -> dict[str, list[str]]:
    return {
        name: list(column) for name, column in zip(header, zip(*rows, strict=True), strict=True)
    }


def without(columns: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: column for name, column in columns.items() if name not in names}


def trained(place: Path, dataset: Mapping[str, Any], **nodes: Any) -> Path:
    """The folder of a run on a data set, moved from where it was trained."""
    asked = config(place / "runs", dataset=dataset, **nodes)
    path = performed(planned(asked, Watcher()), THIS, Watcher()).path
    moved = place / "elsewhere" / path.parent.name / path.name
    moved.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(path, moved)
    shutil.rmtree(place / "runs")
    return moved


def on_table(place: Path, strategy: Mapping[str, Any] | None = None, **options: Any) -> Path:
    """The folder of a run on `cells`, whose file is gone."""
    place.mkdir(parents=True, exist_ok=True)
    file = place / "table.csv"
    file.write_text(csv_of(cells()), encoding="utf-8")
    given = {**TABLE, "path": str(file), "predict": "ill", **options}
    path = trained(place, given, strategy=strategy or {"name": "single_task"})
    file.unlink()
    return path


def of_test(folder: Path, key: str) -> tuple[np.ndarray, np.ndarray]:
    """What a run said of the test rows of a task, and which rows of the data set these are."""
    kept = load_file(folder / "predictions.safetensors")
    return kept[key], kept[f"{key}/index"]
