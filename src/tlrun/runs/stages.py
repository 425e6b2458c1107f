"""The stages of one run, each trained, or loaded where another run has finished it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tlrun.core.notes import EntryDamaged, NotKept, StageLoaded
from tlrun.core.problem import Domain, Problem
from tlrun.core.seeding import drawing_from, stream
from tlrun.data.batches import Batches
from tlrun.models.model import restore, state
from tlrun.runs.beginning import Beginning
from tlrun.runs.encoding import Encoder
from tlrun.runs.plan import Plan, PlannedStage
from tlrun.runs.pretrained import tell_weights
from tlrun.runs.recorders import StageRecorder, TrainingRecorder
from tlrun.runs.resuming import Resuming
from tlrun.runs.screen import Screen
from tlrun.runs.stopping import Held
from tlrun.store.entries import Damaged, Entry
from tlrun.store.room import check_room, is_full
from tlrun.store.stages import FinishedStage, checkpoints_of, read_stage, write_stage
from tlrun.training.loop import fit
from tlrun.training.state import TrainState

if TYPE_CHECKING:
    from tlrun.models.model import Model


@dataclass(frozen=True)
class DoneStage:
    """A stage that is over, and the model it ended with.

    seconds: of its training, whenever that was; earlier: those of them that were not in this
    attempt at the run. found: whether it was loaded. own: whether it is this run's alone, though
    others have such a stage. rows: that it has logged, as lines of metrics.jsonl.
    """

    planned: PlannedStage
    model: Model
    seconds: float
    found: bool
    earlier: float = 0.0
    own: bool = False
    rows: Sequence[Mapping[str, object]] = ()

    @property
    def record(self) -> dict[str, object]:
        """What run.json says of it; its key is None where no other run may start from it."""
        name, shared = self.planned.stage.name, self.planned.stage.shared
        key = self.planned.key if shared and not self.own else None
        return {"name": name, "key": key, "seconds": self.seconds, "found": self.found}


@dataclass(frozen=True)
class StageRunner:
    """What carries out the stages of one run, or of one fold of it.

    resuming: what the run keeps of its stages meanwhile. problem: as the run's seed draws it, or
    the fold. name: what the screen calls the run. stored: whether stages that runs share are loaded
    from the store and kept there; False for a run that is trained again on purpose. fold: its
    number, from 0; None where there are none.
    """

    resuming: Resuming
    problem: Problem
    name: str
    stored: bool = True
    fold: int | None = None

    @property
    def plan(self) -> Plan:
        """Of the run."""
        return self.resuming.plan

    @property
    def screen(self) -> Screen:
        """Whoever watches it."""
        return self.resuming.screen

    def run_stage(self, planned: PlannedStage, previous: Model | None) -> DoneStage:
        """Carry out one stage. previous: the model of the stage before; None before the first.

        A shared stage that is finished is loaded; else it is trained, and a shared one kept.
        """
        if planned.stage.pretrained and not planned.number:
            tell_weights(self.plan.run, self.name, self.screen)
        entry = planned.entry
        if entry is None or not self.stored:
            return replace(self._own(planned, previous), own=True)
        found = self._stored(planned, entry)
        if found is not None:
            return found
        if self.resuming.inexact:  # what it ends with is for no other run
            return replace(self._own(planned, previous), own=True)
        with entry.locked(self.screen.note, f"training the stage {planned.stage.name}"):
            found = self._stored(planned, entry, tell=True)  # another process may have it by now
            if found is not None:
                return found
            done = self._train(planned, previous, shared=True)
            try:
                kept = FinishedStage(state(done.model), done.rows, done.seconds)
                self._keep(planned, entry, kept)
            except OSError as error:  # this run can go on
                problem = str(error.strerror)
                self.screen.note(NotKept(path=entry.path, what="stage", problem=problem))
            return done

    def _keep(self, planned: PlannedStage, entry: Entry, finished: FinishedStage) -> None:
        """Keep a stage for other runs; on a disk that is full, in place of its checkpoints.

        One that had some took long: it is to outlast a loss of power as they would.
        """
        synced = checkpoints_of(entry).any()
        try:
            write_stage(entry, planned.inputs, finished, synced=synced)
        except OSError as error:
            if not is_full(error):
                raise
            self.resuming.kept(planned)
            write_stage(entry, planned.inputs, finished, synced=synced)
        self.resuming.kept(planned)

    @property
    def beginning(self) -> Beginning:
        """How its stages begin."""
        return Beginning(self.plan, self.problem, self.name, self.screen, self.fold)

    @property
    def encoder(self) -> Encoder:
        """What computes only once what a stage holds fixed of φ."""
        return Encoder(self.plan, self.screen, self.name, self.problem.inputs)

    def _own(self, planned: PlannedStage, previous: Model | None) -> DoneStage:
        """A stage of the run's own: as an earlier attempt has finished it, or trained."""
        found = self.resuming.finished(planned)
        if found is not None:
            entry, finished = found
            model = self.beginning.initial(planned, previous)
            try:
                return self._load(planned, finished, entry, model)
            except Damaged as error:  # of another model, which its digests do not tell
                self.resuming.damaged(entry.path, str(error))
        done = self._train(planned, previous)
        if planned is not self.plan.folds[-1][-1]:  # more is to come
            finished = FinishedStage(state(done.model), done.rows, done.seconds)
            self.resuming.over(planned, finished)
        return done

    def _train(
        self, planned: PlannedStage, previous: Model | None, shared: bool = False
    ) -> DoneStage:
        """The stage, trained, from its last checkpoint if there is one.

        shared: whether other runs may start from it.
        """
        run, stage = self.plan.run, planned.stage
        started = time.monotonic()
        model = self.beginning.initial(planned, previous)
        domains: dict[str, Domain] = {}
        batches: dict[str, Batches] = {}
        for name in stage.domains:
            domains[name] = self.encoder.as_trained(stage, model, self.problem.domains[name])
            batches[name] = self.beginning.batches(planned, domains[name])
        if not stage.domains:  # there is nothing to train on: φ is what it was elsewhere
            return DoneStage(planned, model, time.monotonic() - started, found=False)
        weights = sum(tensor.nbytes for tensor in model.state_dict().values())
        check_room(self.plan.run_dir.path, weights)
        self.screen.begin(self.name, stage)
        try:
            with drawing_from(stream(run.seed, "dropout", planned.number)), Held() as held:
                begun = TrainState.begin(stage, model, run.optimizer, batches)
                recorder = TrainingRecorder(
                    self.resuming, self.fold, planned, shared, model, held, started
                )
                recorder.take_up(self.name, begun)
                fit(stage, model, domains, planned.strategy, run.trainer, begun, recorder)
        finally:
            self.screen.end()
        seconds, earlier = recorder.seconds, recorder.earlier
        return DoneStage(planned, model, seconds, False, earlier, rows=recorder.rows)

    def _stored(
        self, planned: PlannedStage, entry: Entry, *, tell: bool = False
    ) -> DoneStage | None:
        """The stage in `entry`, or None. tell: whether to say what is wrong with one there."""
        try:
            finished = read_stage(entry)
            if finished is None:
                return None
            fresh = self.beginning.fresh(planned, None, filled=True)
            done = self._load(planned, finished, entry, fresh)
        except Damaged as error:
            if tell:
                self.screen.note(EntryDamaged(path=entry.path, what="stage", problem=str(error)))
            return None
        self.resuming.kept(planned)
        return done

    def _load(
        self, planned: PlannedStage, finished: FinishedStage, entry: Entry, fresh: Model
    ) -> DoneStage:
        """A stage that is finished, its weights in a `fresh` model.

        Raises Damaged where they are another model's.
        """
        try:
            model = restore(fresh, finished.weights)
        except ValueError as error:
            raise Damaged(f"model.safetensors: {error}") from None
        recorder = StageRecorder(self.resuming, self.fold)
        for row in finished.rows:
            recorder.log(row)
        stage = planned.stage
        if stage.domains:
            note = StageLoaded(
                path=entry.path,
                run=self.name,
                stage=stage.name,
                steps=stage.steps,
                seconds=finished.seconds,
            )
            self.screen.note(note)
        seconds = finished.seconds
        return DoneStage(planned, model, seconds, True, seconds, rows=finished.rows)
