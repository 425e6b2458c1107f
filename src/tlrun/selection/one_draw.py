"""Scores and gains of one draw of labels: their intervals are over test examples alone.

They say how these very models would do on new rows, not what another draw of labels would give.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tlrun.core.metrics import TABLE
from tlrun.core.task import Task
from tlrun.report.statistics.paired import Paired, interval
from tlrun.report.statistics.units import unit_values


def score_of(
    task: Task,
    metric: str,
    outputs: np.ndarray,
    labels: np.ndarray,
    folds: np.ndarray | None = None,
) -> dict[str, Any]:
    """A score and its 95 % interval over rows, as strict JSON; None where they are undefined.

    outputs: [N, k]. labels: [N]. folds: int64 [N], where they are said by a model a fold.
    """
    units = unit_values(task, metric, outputs, labels, folds)
    if units is None:
        return {"metric": metric, "score": None, "low": None, "high": None, "rows": len(labels)}
    ends = (0.0, 1.0) if units.right_or_wrong else (-1.0, 1.0)
    sign = 1.0 if TABLE[metric].higher_is_better else -1.0
    low, high = _bounds(units.score * sign, units.values, units, ends)
    if sign < 0:
        low, high = (None if high is None else -high), (None if low is None else -low)
    if low is not None and high is not None and TABLE[metric].higher_is_better:
        high = min(high, 1.0)  # of accuracies, auc and r2 alike
        low = low if metric == "r2" else max(low, 0.0)
    return {
        "metric": metric, "score": units.score, "low": low, "high": high, "rows": len(units.of),
    }  # fmt: skip


def gain_of(
    task: Task, metric: str, ours: np.ndarray, theirs: np.ndarray, labels: np.ndarray
) -> dict[str, Any]:
    """By how much `ours` is better than `theirs`, both [N, k], with its 95 % interval over rows."""
    one, other = (unit_values(task, metric, outputs, labels) for outputs in (ours, theirs))
    if one is None or other is None:
        return {"gain": None, "low": None, "high": None, "differing": None}
    gain = TABLE[metric].gain(one.score, other.score)
    low, high = _bounds(gain, one.values - other.values, one, (-1.0, 1.0))
    differing = int((one.values != other.values).sum())
    return {"gain": gain, "low": low, "high": high, "differing": differing}


def _bounds(
    mean: float, values: np.ndarray, units: Any, ends: tuple[float, float]
) -> tuple[float | None, float | None]:
    """The interval of one draw: written down twice, a second seed has no spread of its own."""
    paired = Paired(
        gains=np.array([mean, mean]),
        values=np.stack([values, values]),
        strata=units.strata,
        weights=units.weights,
        right_or_wrong=units.right_or_wrong,
        extremes=np.tile(ends, (len(units.weights), 1)),
    )
    found = interval(paired)
    if not math.isfinite(found.half):
        return None, None
    return found.low, found.high
