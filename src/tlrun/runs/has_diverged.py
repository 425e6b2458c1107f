"""What is told of a run that has diverged, read back from its folder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tlrun.core.errors import SMALLER_LR

FAR = 10.0  # times the loss of one answer for all examples: nobody means to train that


def has_diverged(record: Mapping[str, Any], result: Mapping[str, Any]) -> bool:
    """Whether a finished run has diverged. record, result: its run.json and result.json.

    run.json says it (`divergence.diverged`). Where it does not, as an older tl-run's, a run has
    whose test loss is no number or FAR times that of one answer for all: log K of K classes, and 1
    of a number, scaled by its standard deviation.
    """
    if "diverged" in record:
        return record["diverged"] is not None
    try:
        return _by_the_test_loss(result)
    except (AttributeError, KeyError, TypeError):  # nothing that a tl-run has written
        return False


def _by_the_test_loss(result: Mapping[str, Any]) -> bool:
    for key in result["headline"].get("tasks", {}):
        loss = result["metrics"]["test"].get(key, {}).get("loss")
        tested = result["tested"].get(key, {})
        least = math.log(max(2, len(tested["classes"]))) if tested.get("classes") else 1.0
        if tested.get("labels") and (loss is None or loss > FAR * least):
            return True
    return False


def how_far(record: Mapping[str, Any]) -> str:
    """How far a run has diverged, as a clause; empty where run.json does not say."""
    told = record.get("diverged")
    if not isinstance(told, Mapping) or not told.keys() >= {"task", "loss", "constant"}:
        return ""
    try:
        loss, least = float(told["loss"]), float(told["constant"])
    except (TypeError, ValueError):
        return ""
    said = f"test loss {loss:.3g} of {told['task']}, of one answer for all {least:.3g}"
    return f"{said}; {SMALLER_LR}"
