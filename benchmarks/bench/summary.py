"""From a record's raw numbers to medians, ratios and a headline; no number is made elsewhere.

A ratio is above 1 where tl-run is faster (`speed`: the arm's time over tl-run's, of one round), or
says how much of the other's time tl-run takes (`cost`). The headline of a row is against the
strongest arm of each kind: the one with the lowest median.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.rounds import Spread, ratios, spread

Record = dict[str, Any]
Part = Literal["loop", "call"]
LEARNT = 0.5  # of the loss of guessing, log(classes); one that is above has not learnt
KINDS = {"hand": "hand loop", "framework": "framework", "command": "command"}


@dataclass(frozen=True)
class Headline:
    """tl-run against the strongest arm of a kind."""

    kind: str
    arm: str
    ratio: Spread


def counts(arm: Record) -> bool:
    """Whether the arm has numbers."""
    return arm["state"] == "measured" and bool(arm["samples"])


def learnt(record: Record, arm: Record) -> bool:
    """Whether every model that the arm trained has learnt; true where nothing is trained."""
    if record["work"] is None:
        return True
    most = LEARNT * math.log(record["work"]["classes"])
    # a nan is not below it either
    return all(sample["loss"] is not None and sample["loss"] < most for sample in arm["samples"])


def seconds(arm: Record, clock: str, part: Part) -> list[float]:
    """Of each round."""
    key = f"loop_{clock}" if part == "loop" else clock
    return [sample[key] for sample in arm["samples"]]


def part_of(record: Record) -> Part:
    """What decides: the loop, or the whole call where there is none."""
    return "call" if record["work"] is None else "loop"


def ratio(record: Record, arm: Record, part: Part) -> Spread | None:
    """tl-run, the first arm, against `arm`; None where one of them has no numbers."""
    ours = record["arms"][0]
    if arm is ours or not counts(ours) or not counts(arm):
        return None
    mine, theirs = (seconds(each, record["clock"], part) for each in (ours, arm))
    return ratios(mine, theirs) if record["sense"] == "cost" else ratios(theirs, mine)


def headlines(record: Record) -> list[Headline]:
    """Against the strongest of each kind that was measured and has learnt."""
    if record["sense"] == "rate" or not learnt(record, record["arms"][0]):
        return []
    found = []
    for kind, called in KINDS.items():
        arms = [arm for arm in record["arms"][1:] if arm["kind"] == kind]
        able = [arm for arm in arms if counts(arm) and learnt(record, arm)]
        if able and counts(record["arms"][0]):
            best = strongest(record, able)
            against = ratio(record, best, part_of(record))
            assert against is not None
            found.append(Headline(called, best["name"], against))
    return found


def strongest(record: Record, arms: Sequence[Record]) -> Record:
    """The one with the lowest median on the clock that decides."""
    return min(arms, key=lambda arm: spread(seconds(arm, record["clock"], part_of(record))).median)


def gflops(record: Record, arm: Record) -> Spread | None:
    """GFLOP a second of CPU time in the loop, of each round; None where no FLOPs are known."""
    if record["sense"] == "rate":
        flops = arm["flops"]
    elif record.get("flops_per_example"):
        work = record["work"]
        flops = record["flops_per_example"] * work["batch"] * work["steps"]
    else:
        return None
    return spread([flops / taken / 1e9 for taken in seconds(arm, "cpu", "loop")])


def peak(records: dict[str, Record], arm_name: str, record: Record) -> float | None:
    """The GFLOP/s of the 1024 product on the same machine, in the precision of the arm."""
    roofline = records.get("roofline")
    if roofline is None or roofline["machine"] != record["machine"]:
        return None
    fp32 = arm_name.endswith(", fp32") or record["work"]["precision"] == "fp32"
    wanted = f"matmul 1024, {'fp32' if fp32 else 'bf16'}"
    for arm in roofline["arms"]:
        rate = gflops(roofline, arm) if arm["name"] == wanted and counts(arm) else None
        if rate is not None:
            return rate.median
    return None
