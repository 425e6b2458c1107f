"""What is unusual about some runs, and has to stand beside what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tlrun.runs.outcome import Outcome
from tlrun.store.fingerprint import differences

FAR = 10.0  # times the loss of one answer for all examples: nobody means to train that


def states_of(
    runs: Sequence[Outcome],
    records: Mapping[Path, Mapping[str, Any]],
    usual: dict[str, str | int],
    planned: int,
) -> tuple[str, ...]:
    """Sentences without a full stop, such as "2 of 10 runs diverged"; none where all is as usual.

    records: run.json of every run, by folder. usual: the fingerprint of most runs of the study.
    planned: how many seeds there were to be.
    """
    said = []
    if len(runs) < planned:
        said.append(f"{planned - len(runs)} of {planned} seeds missing")
    if count := sum(map(diverged, runs)):
        said.append(f"{count} of {len(runs)} runs diverged")
    if count := sum(bool(records.get(run.path, {}).get("inexact")) for run in runs):
        said.append(f"{count} of {len(runs)} runs inexact")
    others = [differences(records[run.path].get("fingerprint", {}), usual) for run in runs]
    kinds = dict.fromkeys(filter(None, others))
    of = f"of {len(runs)} runs made elsewhere"
    return (*said, *(f"{others.count(different)} {of} ({different})" for different in kinds))


def diverged(run: Outcome) -> bool:
    """Whether a run has no test score, or a test loss that is far above that of one answer for all.

    That answer's loss is log K of K classes, and 1 of a number (scaled by its standard deviation).
    """
    if run.result["headline"]["test"] is None and _one_score(run):
        return True
    for key in run.result["headline"].get("tasks", {}):
        loss = run.result["metrics"]["test"].get(key, {}).get("loss")
        if loss is None or loss > FAR * _constant(run.result["tested"].get(key, {})):
            return True
    return False


def _one_score(run: Outcome) -> bool:
    """Whether the tasks of a run have a score in common, so that it can be missing."""
    from tlrun.core.metrics import metric_of

    return metric_of(run.result["headline"]["name"]) is not None


def _constant(tested: Mapping[str, Any]) -> float:
    from math import log

    classes = tested.get("classes")
    return log(max(2, len(classes))) if classes else 1.0
