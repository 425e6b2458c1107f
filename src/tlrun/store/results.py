"""result.json of a finished run: read, and proved to be what was written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tlrun.store.digests import check_file
from tlrun.store.files import read_json
from tlrun.store.shapes import RESULT, checked

RESULT_KEYS = ("headline", "metrics", "tested", "labels", "steps", "examples", "size")
# What a finished run holds, where it does not say so itself.
FILES = ("config.yaml", "metrics.jsonl", "predictions.safetensors", "model.safetensors")


def read_result(folder: Path, said: Mapping[str, Any]) -> dict[str, Any]:
    """What result.json in the folder of a run holds. said: what run.json says.

    Raises OSError or ValueError where it cannot be read or lacks something, is not what it was,
    where something in it is of another kind, or where another file of a finished run is missing.
    """
    check_file(folder, "result.json", said)
    try:
        result = read_json(folder / "result.json")
    except OSError as error:
        raise ValueError(f"result.json: {error.strerror}") from None
    except ValueError:
        raise ValueError("result.json holds no JSON object") from None
    lacking = [key for key in RESULT_KEYS if key not in result]
    if lacking:
        raise ValueError(f"result.json lacks {', '.join(lacking)}")
    checked(result, RESULT, "result.json")
    with os.scandir(folder) as inside:
        there = {entry.name for entry in inside if entry.is_file()}
    missing = [name for name in said.get("files", FILES) if name not in there]
    if missing:
        raise ValueError(f"{', '.join(missing)} missing")
    return result
