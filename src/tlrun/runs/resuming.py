"""What a run keeps of its stages while it is trained, and where it takes them up again.

A stage that runs share has its checkpoints beside where it will be kept, under its key: whichever
run needs it next goes on with it. Those of a run's own stages are in its folder; of one that is
over, and that others follow, its end is kept there with the next checkpoint.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tlrun.core.notes import CheckpointDamaged, NotKept, StageResumed
from tlrun.runs.attempts import NOTHING_BEFORE, Attempt, own_checkpoints, own_stage
from tlrun.runs.plan import Plan, PlannedStage
from tlrun.runs.screen import Screen
from tlrun.store.checkpoints import Checkpoint, Checkpoints
from tlrun.store.entries import Damaged, Entry
from tlrun.store.stages import FinishedStage, checkpoints_of, read_stage, stage_entry, write_stage
from tlrun.training.saved import Saved, saved, take_up

if TYPE_CHECKING:
    from tlrun.models.model import Model
    from tlrun.training.state import TrainState


@dataclass
class Resuming:
    """What is kept of the stages of one run, of all its folds.

    plan: of the run. screen: is told what is taken up, damaged, or could not be kept. attempt: the
    earlier one, if any.
    """

    plan: Plan
    screen: Screen
    attempt: Attempt = NOTHING_BEFORE
    # stages that are over, and kept nowhere yet
    _over: list[tuple[PlannedStage, FinishedStage]] = field(default_factory=list)
    _last: float = field(default_factory=time.monotonic)  # when all was kept
    _told: bool = False  # that something could not be kept
    _synced: set[Path] = field(default_factory=set)  # folders of checkpoints, and their names

    def wanted(self, step: int, stopping: bool) -> bool:
        """Whether a checkpoint is to be made after update number `step`.

        stopping: whether it is the last that is made.
        """
        options = self.plan.run.checkpoint
        if stopping:
            return not options.never
        return options.due(time.monotonic() - self._last, step)

    def keep(
        self,
        planned: PlannedStage,
        shared: bool,
        model: Model,
        train_state: TrainState,
        rows: Sequence[Mapping[str, object]],
        seconds: float,
    ) -> None:
        """Make a checkpoint. shared: whether other runs may go on from it.

        rows: that the stage has logged. seconds: of its training. Where it cannot be made, the run
        goes on without.
        """
        tensors, numbers = saved(model, train_state)
        try:
            for stage, finished in self._over:
                entry = own_stage(self.plan.run_dir, stage.key)
                write_stage(entry, stage.inputs, finished, synced=True)
            self._over.clear()
            checkpoint = Checkpoint(train_state.step, tensors, numbers, rows, seconds)
            folder = self._folder(planned, shared)
            folder.keep(checkpoint)
            if folder.path not in self._synced:  # a loss of power might take the names above it
                self.plan.run_dir.sync()
                self._synced.add(folder.path)
        except OSError as error:
            if not self._told:
                path, problem = self.plan.run_dir.path, str(error.strerror)
                self.screen.note(NotKept(path=path, what="checkpoint", problem=problem))
            self._told = True
        self._last = time.monotonic()

    def take_up(
        self, name: str, planned: PlannedStage, shared: bool, model: Model, train_state: TrainState
    ) -> Checkpoint | None:
        """Go on from the newest checkpoint of a stage that is whole and fits; None without one.

        name: what the screen calls the run. shared: whether other runs may have made it. model,
        train_state: as the stage begins with them, which are filled.
        """
        for folder in self._folders(planned, shared):
            for checkpoint in folder.whole(self.damaged):
                stage, step = planned.stage, checkpoint.step
                try:
                    found = Saved(dict(checkpoint.tensors), dict(checkpoint.numbers))
                    take_up(found, model, train_state)
                except ValueError as error:
                    self.damaged(folder.of_step(step), str(error))
                    folder.drop(folder.of_step(step))
                    continue
                self.screen.note(
                    StageResumed(run=name, stage=stage.name, step=step, steps=stage.steps)
                )
                return checkpoint
        return None

    def finished(self, planned: PlannedStage) -> tuple[Entry, FinishedStage] | None:
        """A stage of the run's own that an earlier attempt has finished, and where it is kept."""
        for entry in self._entries(planned):
            try:
                finished = read_stage(entry)
            except Damaged as error:
                self.damaged(entry.path, str(error))
                if entry.lock == self.plan.run_dir.lock:  # one of a shared stage may be in use
                    with suppress(OSError):
                        entry.remove()
                continue
            if finished is not None:
                return entry, finished
        return None

    def over(self, planned: PlannedStage, finished: FinishedStage) -> None:
        """Note that a stage of the run's own is over; it is kept with the next checkpoint."""
        self._over.append((planned, finished))

    def kept(self, planned: PlannedStage) -> None:
        """Note that a shared stage is kept: its checkpoints are not needed any more."""
        self._folder(planned, shared=True).remove()
        self._last = time.monotonic()

    @property
    def inexact(self) -> bool:
        """Whether the run is marked, so that nothing of it is for others."""
        return bool(self.attempt.inexact)

    def _folder(self, planned: PlannedStage, shared: bool) -> Checkpoints:
        """Where the checkpoints of a stage are made."""
        if shared and planned.entry is not None:
            return checkpoints_of(planned.entry)
        return own_checkpoints(self.plan.run_dir, planned.key)

    def _folders(self, planned: PlannedStage, shared: bool) -> Iterator[Checkpoints]:
        """Where checkpoints of a stage may be, today's first."""
        yield self._folder(planned, shared)
        for key in self._then(planned):
            yield own_checkpoints(self.plan.run_dir, key)
            yield checkpoints_of(stage_entry(self.plan.run_dir.runs_dir, key), ours=False)

    def _entries(self, planned: PlannedStage) -> Iterator[Entry]:
        """Where a stage of the run's own that is over may be kept."""
        yield own_stage(self.plan.run_dir, planned.key)
        for key in self._then(planned):
            yield own_stage(self.plan.run_dir, key)
            yield stage_entry(self.plan.run_dir.runs_dir, key)

    def _then(self, planned: PlannedStage) -> Iterator[str]:
        """The key that a stage had under the fingerprint of the earlier attempt, if another."""
        for stages, keys in zip(self.plan.folds, self.attempt.keys, strict=False):
            for stage, key in zip(stages, keys, strict=False):
                if stage is planned:
                    yield key

    def damaged(self, path: Path, problem: str) -> None:
        """Tell that something which was kept of a stage is not whole, or does not fit."""
        self.screen.note(CheckpointDamaged(path=path, problem=problem))
