"""What decides after a look at the results whether more seeds are run (seeds=auto)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tlrun.store.studydir import StudyPlan


@dataclass(frozen=True)
class Decision:
    """What a look says. stop: whether no more seeds are needed. why: in a line, for the user."""

    stop: bool
    why: str


class Settled(Protocol):
    """Whether the studies of a sweep are decided."""

    def __call__(self, studies: Sequence[StudyPlan], runs_dir: Path, look: int) -> Decision:
        """What the runs finished below `runs_dir` say.

        studies: those of the sweep, as they were declared. look: the number of seeds so far; the
        runs of seeds 0 to look - 1 have finished.
        """
