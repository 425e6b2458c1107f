"""The stages of one run, each trained, or loaded where another run has finished it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tlrun.core.notes import EntryDamaged, NotKept, StageLoaded, StructureLearnt
from tlrun.core.problem import Domain, Problem
from tlrun.core.seeding import drawing_from, stream
from tlrun.core.task import Task
from tlrun.data.augmentation import Augmentation
from tlrun.data.batches import Batches
from tlrun.models.backbone import Given
from tlrun.models.build import draw_model
from tlrun.models.model import restore, state
from tlrun.models.trunk import set_memory_format
from tlrun.runs.encoding import Encoder
from tlrun.runs.plan import Plan, PlannedStage
from tlrun.runs.pretrained import planned_digest, pretrained_weights, tell_weights
from tlrun.runs.screen import Screen
from tlrun.runs.stage_key import computes_once
from tlrun.store.entries import Damaged, Entry
from tlrun.store.rundir import RunDir
from tlrun.store.stages import FinishedStage, read_stage, write_stage
from tlrun.strategies.base import Stage
from tlrun.training.loop import fit
from tlrun.training.state import TrainState

if TYPE_CHECKING:
    from tlrun.models.model import Model
    from tlrun.models.structure import Structure


@dataclass(frozen=True)
class DoneStage:
    """A stage that is over, and the model it ended with.

    seconds: of its training, whenever that was. found: whether it was loaded from the store. rows:
    that it has logged, as lines of metrics.jsonl.
    """

    planned: PlannedStage
    model: Model
    seconds: float
    found: bool
    rows: Sequence[Mapping[str, object]] = ()

    @property
    def record(self) -> dict[str, object]:
        """What run.json says of it; its key is None where no other run may start from it."""
        name, shared = self.planned.stage.name, self.planned.stage.shared
        key = self.planned.key if shared else None
        return {"name": name, "key": key, "seconds": self.seconds, "found": self.found}


@dataclass(frozen=True)
class StageRunner:
    """What carries out the stages of one run, or of one fold of it.

    plan: of the run. problem: as the run's seed draws it, or the fold. name: what the screen calls
    the run. stored: whether stages that runs share are loaded from the store and kept there; False
    for a run that is trained again on purpose. fold: its number, from 0; None where there are none.
    """

    plan: Plan
    problem: Problem
    name: str
    screen: Screen
    stored: bool = True
    fold: int | None = None

    def run_stage(self, planned: PlannedStage, previous: Model | None) -> DoneStage:
        """Carry out one stage. previous: the model of the stage before; None before the first.

        A shared stage that is finished is loaded; else it is trained, and a shared one kept.
        """
        if planned.stage.pretrained and not planned.number:
            tell_weights(self.plan.run, self.name, self.screen)
        entry = planned.entry
        if entry is None or not self.stored:
            return self._train(planned, previous)
        found = self._stored(planned, entry)
        if found is not None:
            return found
        with entry.locked(self.screen.note, f"training the stage {planned.stage.name}"):
            found = self._stored(planned, entry, tell=True)  # another process may have it by now
            if found is not None:
                return found
            done = self._train(planned, previous)
            try:
                kept = FinishedStage(state(done.model), done.rows, done.seconds)
                write_stage(entry, planned.inputs, kept)
            except OSError as error:  # this run can go on
                problem = str(error.strerror)
                self.screen.note(NotKept(path=entry.path, what="stage", problem=problem))
            return done

    @property
    def encoder(self) -> Encoder:
        """What computes only once what a stage holds fixed of φ."""
        return Encoder(self.plan, self.screen, self.name, self.problem.inputs)

    def _train(self, planned: PlannedStage, previous: Model | None) -> DoneStage:
        """The stage, trained."""
        run, stage = self.plan.run, planned.stage
        started = time.monotonic()
        model = self.initial(planned, previous)
        domains: dict[str, Domain] = {}
        batches: dict[str, Batches] = {}
        for name in stage.domains:
            domains[name] = self.encoder.as_trained(stage, model, self.problem.domains[name])
            batches[name] = self.batches(planned, domains[name])
        recorder = _Recorder(self.plan.run_dir, self.screen, self.fold)
        if stage.domains:  # else there is nothing to train on: φ is what it was elsewhere
            self.screen.begin(self.name, stage)
            try:
                with drawing_from(stream(run.seed, "dropout", planned.number)):
                    begun = TrainState.begin(stage, model, run.optimizer, batches)
                    fit(stage, model, domains, planned.strategy, run.trainer, begun, recorder)
            finally:
                self.screen.end()
        seconds = time.monotonic() - started
        return DoneStage(planned, model, seconds, found=False, rows=recorder.rows)

    def _stored(
        self, planned: PlannedStage, entry: Entry, *, tell: bool = False
    ) -> DoneStage | None:
        """The stage in `entry`, or None. tell: whether to say what is wrong with one there."""
        try:
            finished = read_stage(entry)
            return None if finished is None else self._load(planned, finished, entry)
        except Damaged as error:
            if tell:
                self.screen.note(EntryDamaged(path=entry.path, what="stage", problem=str(error)))
            return None

    def _load(self, planned: PlannedStage, finished: FinishedStage, entry: Entry) -> DoneStage:
        """The stage as another run has finished it. Raises Damaged where it is another model's."""
        fresh = self._fresh(planned, None, filled=True)
        try:
            model = restore(fresh, finished.weights)
        except ValueError as error:
            raise Damaged(f"model.safetensors: {error}") from None
        recorder = _Recorder(self.plan.run_dir, self.screen, self.fold)
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
        return DoneStage(planned, model, finished.seconds, found=True, rows=finished.rows)

    def initial(self, planned: PlannedStage, previous: Model | None) -> Model:
        """The model a stage starts from: fresh, in a structure if one is learnt; or inherited."""
        if previous is None:
            return self._fresh(planned, None)
        run, stage = self.plan.run, planned.stage
        outputs: dict[str, int] = {}
        for tasks in self._tasks(stage).values():
            outputs |= {task.name: task.outputs for task in tasks}
        given = Given(run.backbone, self.problem.inputs, tuple(outputs.values()), run.seed)
        structure = planned.strategy.structure_of(stage, previous, given)
        if structure is not None:
            name = "structure.json" if self.fold is None else f"structure_fold{self.fold}.json"
            self.plan.run_dir.keep_json(name, structure.to_json())
            summary = structure.summary(run.backbone)
            self.screen.note(StructureLearnt(run=self.name, stage=stage.name, summary=summary))
        return planned.strategy.inherit(stage, self._fresh(planned, structure), previous)

    def _fresh(
        self, planned: PlannedStage, structure: Structure | None, *, filled: bool = False
    ) -> Model:
        """A model as a stage begins with. filled: whether all its tensors are replaced anyway."""
        run, stage = self.plan.run, planned.stage
        backbone = run.backbone if structure is None else structure.backbone
        inputs, tasks = self.problem.inputs, self._tasks(stage)
        weights = None
        if stage.pretrained and not filled:
            weights = pretrained_weights(run, planned_digest(planned))
        model = draw_model(
            backbone, inputs, tasks, stage.init, run.seed, stage.task_specific, weights
        )
        planned.strategy.add_buffers(model)
        model.to(self.plan.device)
        set_memory_format(model.trunks, run.trainer.memory_format)
        if structure is not None:
            structure.impose(model)
        return model

    def _tasks(self, stage: Stage) -> dict[str, tuple[Task, ...]]:
        return {name: self.problem.domains[name].tasks for name in stage.domains}

    def batches(self, planned: PlannedStage, domain: Domain) -> Batches:
        """The domain's sequence of batches, from where the stages before have left it."""
        run, position = self.plan.run, 0
        for earlier in self.plan.folds[self.fold or 0][: planned.number]:
            if domain.name in earlier.stage.domains:
                position += earlier.stage.steps
        augmentation = None
        if run.trainer.augment and not computes_once([planned.stage], run.trainer):
            n, changes = len(domain.train), run.trainer.augment
            augmentation = Augmentation(changes, n, run.seed, domain.name)
        return Batches(
            domain.train,
            domain.name,
            run.trainer.batch_size,
            run.seed,
            self.plan.device,
            position,
            augmentation,
        )


@dataclass(frozen=True)
class _Recorder:
    """The loop's recorder: steps to the screen, rows to the run's folder, with their fold.

    rows: those so far, to be kept with the stage.
    """

    run_dir: RunDir
    screen: Screen
    fold: int | None
    rows: list[Mapping[str, object]] = field(default_factory=list)

    def step(self, state: TrainState, terms: Mapping[str, float]) -> None:
        self.screen.step(state.step, terms)

    def log(self, row: Mapping[str, object]) -> None:
        self.rows.append(row)
        self.run_dir.log(row if self.fold is None else {"fold": self.fold, **row})
