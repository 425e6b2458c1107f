"""What the loop of a run reports to: its screen, its folder, and the checkpoints of the stage."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tlrun.runs.plan import PlannedStage
from tlrun.runs.resuming import Resuming
from tlrun.runs.stopping import Held
from tlrun.training.finite import check_finite

if TYPE_CHECKING:
    from tlrun.models.model import Model
    from tlrun.training.state import TrainState


@dataclass
class StageRecorder:
    """Rows of a stage to the run's folder, with their fold.

    resuming: what the run keeps. fold: its number; None where there are none. rows: those so far.
    """

    resuming: Resuming
    fold: int | None
    rows: list[Mapping[str, object]] = field(default_factory=list, kw_only=True)

    def log(self, row: Mapping[str, object]) -> None:
        """Keep one evaluation."""
        self.rows.append(row)
        kept = row if self.fold is None else {"fold": self.fold, **row}
        self.resuming.plan.run_dir.log(kept)


@dataclass
class TrainingRecorder(StageRecorder):
    """The loop's recorder: rows to the folder, steps to the screen, and checkpoints.

    planned: the stage. shared: whether other runs may go on from its checkpoints. model: that is
    trained. held: within which it is: a signal waits there for the end of a step. started: when its
    training was, on the monotonic clock; earlier: seconds of it before that.
    """

    planned: PlannedStage
    shared: bool
    model: Model
    held: Held
    started: float
    earlier: float = 0.0

    @property
    def seconds(self) -> float:
        """Of training so far."""
        return self.earlier + time.monotonic() - self.started

    def take_up(self, name: str, train_state: TrainState) -> None:
        """Go on from the newest checkpoint, if there is one.

        name: what the screen calls the run. train_state: as the stage begins, which is filled.
        """
        before = self.resuming.take_up(name, self.planned, self.shared, self.model, train_state)
        if before is not None:
            self.earlier = before.seconds
            for row in before.rows:
                self.log(row)

    def step(self, state: TrainState, terms: Mapping[str, float]) -> None:
        """Show an update; make a checkpoint where one is due, or where a signal waits to act.

        Raises RunFailed, with no checkpoint made, where a weight is not finite.
        """
        self.resuming.screen.step(state.step, terms)
        if self.resuming.wanted(state.step, stopping=self.held.reached()):
            check_finite(self.model, self.planned.stage, state.step)
            self.resuming.keep(
                self.planned, self.shared, self.model, state, self.rows, self.seconds
            )
        self.held.go_on()
