"""What decides a run, and its id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tlrun.config.build import _objects
from tlrun.config.registry import GROUPS, Config
from tlrun.core.options import as_data, strict
from tlrun.data.base import Dataset


def science(config: Config, ignores: frozenset[str] = frozenset()) -> dict[str, Any]:
    """What decides the result, in one form for all spellings: 0.10 as 0.1, 1 as 1.0, defaults of
    the classes filled in.

    ignores: groups left out, for a strategy that does not depend on them.
    """
    run = _objects(config)
    nodes: dict[str, Any] = {
        group: {"name": config[group]["name"]} | as_data(getattr(run, group))
        for group in GROUPS
        if group not in ignores
    }
    return nodes | {"seed": run.seed}


def identity(science: Mapping[str, Any], digest: str) -> str:
    """The id of a run: the head of sha256 over its science config and the digest of its data."""
    text = json.dumps(strict([science, digest]), sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def placeless(science: Mapping[str, Any], dataset: Dataset) -> dict[str, Any]:
    """What decides a run, without where its data are: their digest decides, wherever they were
    read.
    """
    places: frozenset[str] = getattr(dataset, "places", frozenset())
    return {
        **science,
        "dataset": {key: value for key, value in science["dataset"].items() if key not in places},
    }
