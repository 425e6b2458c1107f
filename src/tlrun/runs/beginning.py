"""How a stage begins: the model it starts from, and where in the order of its examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlrun.core.notes import StructureLearnt
from tlrun.core.problem import Domain, Problem
from tlrun.core.task import Task
from tlrun.data.augmentation import Augmentation
from tlrun.data.batches import Batches
from tlrun.models.backbone import Given
from tlrun.models.build import draw_model
from tlrun.models.trunk import set_memory_format
from tlrun.runs.plan import Plan, PlannedStage
from tlrun.runs.pretrained import planned_digest, pretrained_weights
from tlrun.runs.screen import Screen
from tlrun.runs.stage_key import computes_once
from tlrun.strategies.base import Stage

if TYPE_CHECKING:
    from tlrun.models.model import Model
    from tlrun.models.structure import Structure


@dataclass(frozen=True)
class Beginning:
    """How the stages of one run, or of one fold of it, begin.

    plan: of the run. problem: as the run's seed draws it, or the fold. name: what the screen calls
    the run. fold: its number, from 0; None where there are none.
    """

    plan: Plan
    problem: Problem
    name: str
    screen: Screen
    fold: int | None = None

    def initial(self, planned: PlannedStage, previous: Model | None) -> Model:
        """The model a stage starts from: fresh, in a structure if one is learnt; or inherited."""
        if previous is None:
            return self.fresh(planned, None)
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
        return planned.strategy.inherit(stage, self.fresh(planned, structure), previous)

    def fresh(
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
