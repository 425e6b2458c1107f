"""Finished stages by content: a stage that several runs share is trained once.

    <runs_dir>/.stages/<key>/
      stage.json          what decides the stage, whole, and the seconds it took
      model.safetensors   the weights it ended with
      metrics.jsonl       the rows it logged
      manifest.json       digests

The key is that of everything which decides the bits: training and validation examples of every
domain drawn, tasks, backbone, optimiser, budget, the seed, the equation, the fingerprint, and the
key of the stage before. A stage may have several domains and tasks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlrun.core.json_text import parsed
from tlrun.store.checkpoints import Checkpoints
from tlrun.store.entries import Damaged, Entry, entry
from tlrun.store.files import as_json, as_line, read_json

if TYPE_CHECKING:
    from torch import Tensor

HOME = ".stages"


@dataclass(frozen=True)
class FinishedStage:
    """What a stage leaves.

    weights: the model's state at its end, by name. rows: those of metrics.jsonl that it logged, in
    order. seconds: that its training took.
    """

    weights: Mapping[str, Tensor]
    rows: Sequence[Mapping[str, Any]]
    seconds: float


def stage_entry(runs_dir: Path, key: str) -> Entry:
    """Where the stage of a `key` is kept, or would be."""
    return entry(runs_dir, HOME, key)


def checkpoints_of(kept: Entry, *, ours: bool = True) -> Checkpoints:
    """The checkpoints of the shared stage that an entry is for, made under its lock.

    They stand where an entry stands that is half-written, and are cleaned with those. ours: whether
    this process holds that lock.
    """
    key = kept.path.name
    return Checkpoints(kept.path.with_name(f".{key}.checkpoints"), key, ours)


def read_stage(kept: Entry) -> FinishedStage | None:
    """The stage that the entry holds; None where there is none. Raises Damaged, naming the file."""
    from safetensors import SafetensorError

    files = kept.read()
    if files is None:
        return None
    try:
        return _finished(files)
    # whole, but not one of ours
    except (KeyError, ValueError, TypeError, RecursionError, SafetensorError) as error:
        raise Damaged(f"is no finished stage ({type(error).__name__}: {error})") from None


def _finished(files: Mapping[str, bytes]) -> FinishedStage:
    """The stage in the files of an entry. Raises all that its reader expects."""
    from safetensors.torch import load

    seconds = float(parsed(files["stage.json"])["seconds"])
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{seconds} seconds")
    rows = [parsed(line) for line in files["metrics.jsonl"].splitlines()]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("a row that is no object")
    return FinishedStage(load(files["model.safetensors"]), rows, seconds)


def write_stage(
    kept: Entry, content: Mapping[str, Any], finished: FinishedStage, *, synced: bool = False
) -> None:
    """Keep a finished stage, with the `content` that its key is made of, as strict JSON.

    synced: whether it outlasts a loss of power.

    Raises OSError where it cannot be written.
    """
    from safetensors.torch import save

    description = as_json({**content, "seconds": finished.seconds})
    kept.write(
        {
            "stage.json": description,
            "metrics.jsonl": "".join(map(as_line, finished.rows)).encode(),
            "model.safetensors": save(dict(finished.weights)),
        },
        synced=synced,
    )


def describe_stage(kept: Entry) -> dict[str, Any] | None:
    """stage.json, without a proof of the files beside it; None where it cannot be read."""
    try:
        return read_json(kept.path / "stage.json")
    except (OSError, ValueError):
        return None
