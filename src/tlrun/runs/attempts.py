"""What an earlier attempt at a run has left, and whether this one may go on from it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tlrun.core.errors import Mistake, UserError
from tlrun.runs.plan import Plan
from tlrun.store.checkpoints import Checkpoints
from tlrun.store.entries import Entry
from tlrun.store.fingerprint import differences
from tlrun.store.rundir import CHECKPOINTS, UNFINISHED, RunDir
from tlrun.store.stages import checkpoints_of, stage_entry

OVER = f"{CHECKPOINTS}/stages"  # of a run: its own stages that are over
KEY = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Attempt:
    """What an earlier attempt at a run means for this one; nothing without one.

    goes_on: whether what it has kept of its stages counts. inexact: how the fingerprints differ
    that the run is trained under, in words; empty where there is one. keys: by fold, those that its
    stages had under the other fingerprint; empty where they are those of today.
    """

    goes_on: bool = False
    inexact: str = ""
    keys: Sequence[Sequence[str]] = ()


NOTHING_BEFORE = Attempt()


def earlier_attempt(plan: Plan) -> Attempt:
    """What the folder of a plan's run says of an earlier attempt.

    Raises UserError where that has kept something under another fingerprint, unless `allow_inexact`
    takes it all the same, or `rerun` wants none of it.
    """
    record = plan.run_dir.record() or {}
    if record.get("status") not in UNFINISHED:
        return NOTHING_BEFORE
    if plan.run.rerun:
        return Attempt(goes_on=record.get("rerun") is True)  # that has begun anew itself
    marked, keys = str(record.get("inexact", "")), _keys(record)
    then = record.get("fingerprint")
    differs = differences(then, plan.fingerprint) if isinstance(then, dict) else ""
    if not differs or not any(_is_kept(plan, key) for fold in keys for key in fold):
        return Attempt(goes_on=True, inexact=marked)
    if plan.run.allow_inexact:
        return Attempt(True, "; ".join(filter(None, (marked, differs))), keys)
    expected = "to go on as it was begun"
    hint = "allow_inexact=true goes on, and marks the run for ever; rerun=true trains it anew"
    raise UserError(Mistake(str(plan.run_dir.path), expected, differs, hint))


def own_checkpoints(run_dir: RunDir, key: str) -> Checkpoints:
    """The checkpoints of a stage that is this run's alone."""
    return Checkpoints(run_dir.path / CHECKPOINTS / key, key)


def own_stage(run_dir: RunDir, key: str) -> Entry:
    """Where a stage that is over, and this run's alone, is kept until the run is finished."""
    return Entry(run_dir.path / OVER / key, run_dir.lock, f"stages/{key}")


def _is_kept(plan: Plan, key: str) -> bool:
    """Whether a stage of the run's own is kept, or has a checkpoint, or a shared one has one.

    A shared one that is finished is no part of this run: it has one of today's fingerprint.
    """
    run_dir = plan.run_dir
    shared = checkpoints_of(stage_entry(run_dir.runs_dir, key), ours=False)
    places = (own_checkpoints(run_dir, key), shared)
    return own_stage(run_dir, key).path.exists() or any(place.any() for place in places)


def _keys(record: Mapping[str, Any]) -> list[list[str]]:
    """The keys of the stages that run.json names, by fold; none where it names something else."""
    folds = record.get("stage_keys")
    if not isinstance(folds, list) or not all(isinstance(fold, list) for fold in folds):
        return []
    every = [key for fold in folds for key in fold]
    whole = all(isinstance(key, str) and KEY.fullmatch(key) for key in every)  # they name folders
    return folds if whole else []
