"""A run's way through its stages: each is found where another run has finished it, or trained."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlrun.core.objective import Relation
from tlrun.core.problem import Domain, Problem, Split, Task
from tlrun.core.seeding import drawing_from, stream
from tlrun.data.batches import Batches
from tlrun.models.backbone import Given
from tlrun.models.model import draw_model, restore, state
from tlrun.runs.plan import THIS, Plan
from tlrun.runs.screen import Screen
from tlrun.runs.stage_key import key_of
from tlrun.store.entries import Damaged, Entry
from tlrun.store.features import FeatureStore
from tlrun.store.rundir import RunDir
from tlrun.store.stages import FinishedStage, read_stage, write_stage
from tlrun.strategies.base import Stage, Strategy
from tlrun.training.evaluation import encoded
from tlrun.training.loop import fit
from tlrun.training.state import TrainState

if TYPE_CHECKING:
    from tlrun.models.model import Model
    from tlrun.models.structure import Structure


class Walk:
    """One run through its stages. stages: what each was, for run.json. relation: what the last
    stage that learns about its tasks has learnt.

    A run that is trained again on purpose (rerun) takes no stage from the store, and leaves none
    there.
    """

    def __init__(self, plan: Plan, problem: Problem, name: str, screen: Screen) -> None:
        self._plan, self._problem, self._name, self._screen = plan, problem, name, screen
        self._shared = {} if plan.run.rerun and name == THIS else plan.shared
        runs_dir = Path(plan.run.runs_dir).expanduser()
        maker = {"backbone": plan.contents[-1]["backbone"], "fingerprint": plan.fingerprint}
        self._features = FeatureStore(runs_dir, maker, screen.note)
        self._model: Model | None = None
        self.relation: Relation | None = None
        self.stages: list[dict[str, Any]] = []

    def through(self) -> Model:
        """The model after the last stage."""
        for number, content in enumerate(self._plan.contents):
            place = self._shared.get(key_of(content))
            if place is None:
                self._train(number)
            else:
                self._find_or_train(number, place)
        assert self._model is not None  # a strategy has at least one stage
        return self._model

    def encoded(self, domain: str, split: Split) -> Split:
        """The features of a domain's examples where φ was held fixed in the last stage; the
        examples where not.
        """
        return self._encoded(domain, split) if self._caches(self._plan.stages[-1]) else split

    def _caches(self, stage: Stage) -> bool:
        return stage.frozen and self._plan.run.trainer.cache_features

    def _find_or_train(self, number: int, place: Entry) -> None:
        """A stage that runs share: from the store, or trained for it while every other process that
        needs it waits.
        """
        finished = _known(place)
        if finished is None:
            with place.locked(
                self._screen.note, f"training the stage {self._plan.stages[number].name}"
            ):
                finished = _known(place, self._screen)  # it may be there by now
                if finished is None:
                    rows, seconds = self._train(number)
                    assert self._model is not None
                    try:
                        trained = FinishedStage(state(self._model), rows, seconds)
                        write_stage(place, self._plan.contents[number], trained)
                    except OSError as error:  # this run can go on
                        self._screen.note(f"{place.path}: the stage is not kept ({error.strerror})")
                    return
        self._take(number, finished, place)

    def _train(self, number: int) -> tuple[Sequence[Mapping[str, object]], float]:
        """Train a stage from what it inherits, in place of the model so far; what it logged, and
        its seconds.
        """
        plan, stage = self._plan, self._plan.stages[number]
        started = time.monotonic()
        self._model = model = self._begun(number)
        domains = {
            name: self._as_trained(stage, self._problem.domains[name]) for name in stage.domains
        }
        batches = {name: self._batches(number, domain) for name, domain in domains.items()}
        recorder = _Recorder(plan.place, self._screen)
        self._screen.begin(self._name, stage)
        try:
            with drawing_from(stream(plan.run.seed, "dropout", number)):
                train_state = TrainState.begin(stage, model, plan.run.optimizer, batches)
                fit(
                    stage, model, domains, self._by(number), plan.run.trainer, train_state, recorder
                )
        finally:
            self._screen.end()
        seconds = time.monotonic() - started
        self._record(number, seconds, found=False)
        return recorder.rows, seconds

    def _take(self, number: int, finished: FinishedStage, place: Entry) -> None:
        """Go on from a stage that is finished."""
        stage = self._plan.stages[number]
        self._model = restore(self._fresh(number, None), finished.weights)
        for row in finished.rows:
            self._plan.place.log(row)
        title = f"{self._name} · {stage.name}"
        self._screen.note(
            f"{title:<32} found in {place.path} ({stage.steps} steps, {finished.seconds:.1f} s then)"
        )
        self._record(number, finished.seconds, found=True)

    def _begun(self, number: int) -> Model:
        """What a stage starts from: fresh weights, in a structure where one is learnt, and what it
        inherits.
        """
        run, stage, previous = self._plan.run, self._plan.stages[number], self._model
        if previous is None:
            return self._fresh(number, None)
        strategy = self._by(number)
        outputs = tuple(
            {
                task.name: task.outputs for tasks in self._tasks(stage).values() for task in tasks
            }.values()
        )
        structure = strategy.structure_of(
            stage, previous, Given(run.backbone, self._problem.shape, outputs, run.seed)
        )
        if structure is not None:
            self._plan.place.keep_json("structure.json", structure.to_json())
            self._screen.note(f"{self._name} · {stage.name}: {structure.told(run.backbone)}")
        return strategy.inherit(stage, self._fresh(number, structure), previous)

    def _fresh(self, number: int, structure: Structure | None) -> Model:
        run, stage = self._plan.run, self._plan.stages[number]
        backbone = run.backbone if structure is None else structure.backbone
        model = draw_model(
            backbone,
            self._problem.shape,
            self._tasks(stage),
            stage.init,
            run.seed,
            stage.task_specific,
        )
        self._by(number).add_buffers(model)
        model.to(self._plan.device)
        if structure is not None:
            structure.impose(model)
        return model

    def _by(self, number: int) -> Strategy:
        return self._plan.stages[number].by or self._plan.run.strategy

    def _tasks(self, stage: Stage) -> dict[str, tuple[Task, ...]]:
        return {name: self._problem.domains[name].tasks for name in stage.domains}

    def _batches(self, number: int, domain: Domain) -> Batches:
        """The domain's sequence of batches, from where the stages before have left it."""
        run = self._plan.run
        before = sum(
            stage.steps for stage in self._plan.stages[:number] if domain.name in stage.domains
        )
        return Batches(
            domain.train, domain.name, run.trainer.batch_size, run.seed, self._plan.device, before
        )

    def _as_trained(self, stage: Stage, domain: Domain) -> Domain:
        """The domain as a stage sees it: with features for examples where φ is held fixed and that
        saves work.
        """
        if not self._caches(stage):
            return domain
        worth = stage.steps * self._plan.run.trainer.batch_size >= len(
            domain.train
        )  # else it draws fewer than there are
        train = self._encoded(domain.name, domain.train) if worth else domain.train
        return replace(
            domain, train=train, val=domain.val and self._encoded(domain.name, domain.val)
        )

    def _encoded(self, domain: str, split: Split) -> Split:
        model = self._model
        assert model is not None  # there is a φ
        features = self._features.get(
            model.trunk.extractor(domain), split.inputs, lambda: encoded(model, domain, split)
        )
        return replace(split, inputs=features, encoded=True)

    def _record(self, number: int, seconds: float, found: bool) -> None:
        assert self._model is not None  # the stage is over
        self.relation = self._by(number).relation_of(self._model) or self.relation
        shared = key_of(self._plan.contents[number]) if self._plan.stages[number].shared else None
        stage = {
            "name": self._plan.stages[number].name,
            "key": shared,
            "seconds": seconds,
            "found": found,
        }
        self.stages.append(stage)


@dataclass(frozen=True)
class _Recorder:
    """The loop's recorder: rows to the run's folder, and kept for the stage's own; steps to the
    screen.
    """

    place: RunDir
    screen: Screen
    rows: list[Mapping[str, object]] = field(default_factory=list)

    def step(self, state: TrainState, terms: Mapping[str, float]) -> None:
        self.screen.step(state.step, terms)

    def log(self, row: Mapping[str, object]) -> None:
        self.rows.append(row)
        self.place.log(row)


def _known(place: Entry, screen: Screen | None = None) -> FinishedStage | None:
    """The stage at `place`, or None; a screen is told what is wrong with one that is there."""
    try:
        return read_stage(place)
    except Damaged as error:
        if screen is not None:
            screen.note(f"{place.path}: {error}; training the stage again")
        return None
