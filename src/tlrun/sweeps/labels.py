"""What the jobs of a sweep are called: by what each sets that others do not."""

from __future__ import annotations

from collections.abc import Sequence

from tlrun.config.preflight import NO_AXES
from tlrun.config.registry import GROUPS

# λ has a column of its own in a table, seeds are what it averages
NOT_A_SETTING = {"seed", "lam.value", *NO_AXES}


def labels(sets: Sequence[Sequence[str]]) -> list[str]:
    """Of every job what sets it apart: "joint shift=noise"; empty where nothing does.

    sets: of each job what it sets, as key=value. Seed, λ and what decides no run tell none apart.
    """
    choices = [[o for o in each if o.partition("=")[0] not in NOT_A_SETTING] for each in sets]
    common = set(choices[0]).intersection(*choices) if choices else set()
    return [" ".join(_short(o) for o in chosen if o not in common) for chosen in choices]


def _short(override: str) -> str:
    """The override without what all rows share: joint for strategy=joint, shift=noise."""
    key, _, value = override.partition("=")
    key = key.removesuffix(".name")  # of a node within a node
    if key in GROUPS:
        return value
    return f"{key.rpartition('.')[2]}={value}"
