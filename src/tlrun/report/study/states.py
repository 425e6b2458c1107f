"""What is unusual about some runs, and has to stand beside what they say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tlrun.core.errors import SMALLER_LR
from tlrun.report.primary import is_primary
from tlrun.report.study.sentences import plain
from tlrun.runs.outcome import Outcome
from tlrun.store.fingerprint import differences


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
    if count := sum(run.diverged for run in runs):
        said.append(f"{count} of {len(runs)} runs diverged")
    if count := sum(bool(records.get(run.path, {}).get("inexact")) for run in runs):
        said.append(f"{count} of {len(runs)} runs inexact")
    others = [differences(records[run.path].get("fingerprint", {}), usual) for run in runs]
    kinds = dict.fromkeys(filter(None, others))
    of = f"of {len(runs)} runs made elsewhere"
    return (*said, *(f"{others.count(different)} {of} ({different})" for different in kinds))


def usual_of(
    runs: Sequence[Outcome], records: Mapping[Path, Mapping[str, Any]]
) -> dict[str, str | int]:
    """The fingerprint of most of some runs. records: as of `states_of`."""
    every = [json.dumps(records[run.path].get("fingerprint", {}), sort_keys=True) for run in runs]
    usual: dict[str, str | int] = json.loads(Counter(every).most_common(1)[0][0])
    return usual


def spoilt(runs: Mapping[int, Outcome], controls: Mapping[str, Mapping[int, Outcome]]) -> str:
    """Which runs have diverged that a word would rest on, as a clause; empty where none has.

    Such a gain is one over a rate that was too large, whichever of the two has diverged. runs: of
    the arm, by seed; controls: of each that it is measured against.
    """
    for name, theirs in {"": runs, **controls}.items():
        every = list(theirs.values())
        count = sum(run.diverged for run in every)
        if count and (not name or is_primary(every[0])):
            whose = f"{count} of {len(every)} runs" + (f" of {plain(name)}" if name else "")
            return f"{whose} diverged; {SMALLER_LR}"
    return ""
