"""A sweep that a signal ends half-way: what of it is finished, and what is missing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlrun.core.errors import Terminated
from tlrun.runs.plan import Plan
from tlrun.store.studydir import StudyPlan

Signal = KeyboardInterrupt | Terminated


@dataclass(frozen=True)
class Progress:
    """How far a sweep is.

    finished: how many of its `runs` are; seeds: all of them, in the order in which they are begun;
    whole: those of which every run is finished. studies: what was declared.
    """

    finished: int
    runs: int
    seeds: tuple[int, ...]
    whole: tuple[int, ...]
    studies: Sequence[StudyPlan]


class SweepStopped(BaseException):
    """A signal has ended a sweep, whose processes are over and whose records are closed.

    by: what the signal was raised as. progress: how far the sweep is. Not an Exception, so that
    nothing but who tells of it catches it.
    """

    def __init__(self, by: Signal, progress: Progress) -> None:
        super().__init__(by, progress)
        self.by, self.progress = by, progress


def stopped(by: Signal, progress: Progress) -> SweepStopped | Signal:
    """What a sweep ends with that a signal has ended.

    The signal itself, so that all ends at once, where it came while what an earlier one had ended
    was cleaned up.
    """
    before = by.__context__
    while before is not None:
        if isinstance(before, Signal):
            return by
        before = before.__context__
    return SweepStopped(by, progress)


def progress_of(
    runs: Mapping[Path, tuple[str, Plan]], existing: Collection[Path], studies: Sequence[StudyPlan]
) -> Progress:
    """How far a sweep is, read from the folders of its runs.

    runs: each with its name and plan, by folder. existing: those that were finished before.
    """
    seeds: dict[int, bool] = {}  # whether it is whole
    finished = 0
    for path, (_, plan) in runs.items():
        done = path in existing or (plan.run_dir.record() or {}).get("status") == "finished"
        finished += done
        seeds[plan.run.seed] = seeds.get(plan.run.seed, True) and done
    whole = tuple(seed for seed, all_done in seeds.items() if all_done)
    return Progress(finished, len(runs), tuple(seeds), whole, studies)
