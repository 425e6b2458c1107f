"""Studies that the tests of this room share: made once, copied for those that write."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from inline import Inline, lam, study, unwatched

from tlrun.core.task import TaskKey
from tlrun.runs.screen import QuietScreen
from tlrun.selection.arms import Arms, arms_of_study, study_of
from tlrun.selection.held_out import HeldOut, carry_out

STEPS = {"name": "trainer", "steps": 40, "batch_size": 16, "eval_every": 40}


@dataclass(frozen=True)
class Finished:
    """A finished study on noisy digits, and what its arms say of three parts held out."""

    runs_dir: Path
    study: str
    arms: Arms
    held: dict[TaskKey, HeldOut]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    runs_dir = tmp_path_factory.mktemp("finished") / "runs"
    name = study(runs_dir, lam(1.0), lam(float("inf")), trainer=STEPS)
    arms = arms_of_study(runs_dir, study_of(runs_dir))
    held = carry_out(arms, 3, Inline(), QuietScreen(), unwatched)
    return Finished(runs_dir, name, arms, held)
