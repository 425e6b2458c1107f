"""tl-run's own loop: what `runs/stages.py` does for the one stage of `strategy=scratch`.

The product's defaults throughout: its conv backbone, its Adam, its trainer; nothing validates, as
in a hand loop. The set-up is all before `fit`. Left out are the command line and the files, which
the rows of whole processes have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from bench.nets import Predict, examples
from bench.rounds import Clock
from bench.rows import Work
from tlrun.core.inputs import InputSpec
from tlrun.core.problem import Domain, HeldOutTest, Problem, Split
from tlrun.core.seeding import drawing_from, exactly, stream
from tlrun.core.task import Task, TaskKey
from tlrun.data.batches import Batches
from tlrun.models.backbone import Backbone
from tlrun.models.backbones.conv import Conv
from tlrun.models.backbones.identity import Identity
from tlrun.models.build import draw_model
from tlrun.models.trunk import set_memory_format
from tlrun.strategies.schedules import Constant
from tlrun.strategies.scratch import Scratch
from tlrun.training.loop import fit
from tlrun.training.optimizers import Adam
from tlrun.training.options import TrainerOptions
from tlrun.training.state import TrainState

SEED = 0


class Silent:
    """A recorder that keeps nothing."""

    def log(self, row: Mapping[str, object]) -> None: ...
    def step(self, state: TrainState, terms: Mapping[str, float]) -> None: ...


class Resnet18:
    """torchvision's, up to its last layer, as a backbone φ of tl-run."""

    learns: ClassVar[bool] = True

    def width(self, shape: tuple[int, ...]) -> int:
        return 512

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        from torchvision.models import resnet18

        net = resnet18()
        net.fc = nn.Identity()
        return net


BACKBONES: dict[str, type[Any]] = {"conv": Conv, "head": Identity, "resnet18": Resnet18}


def fit_scratch(work: Work, clock: Clock) -> Predict:
    """The target alone, from random weights, as `tl-run strategy=scratch` trains it."""
    task = Task("class", "multiclass", tuple(map(str, range(work.classes))))
    inputs, labels = examples(work)
    split = Split(inputs, {task.name: labels}, np.arange(work.n), passed=int(work.net == "head"))
    domains = {"target": Domain("target", "target", (task,), split)}
    problem = Problem(domains, HeldOutTest({}), digest="bench")
    strategy, trainer = Scratch(), options(work)
    (stage,) = strategy.stages(problem, Constant(math.inf), trainer.steps)
    backbone: Backbone = BACKBONES[work.net]()
    model = draw_model(backbone, InputSpec(work.shape), problem.tasks_by_domain, stage.init, SEED)
    strategy.add_buffers(model)
    set_memory_format(model.trunks, trainer.memory_format)
    batches = {"target": Batches(split, "target", trainer.batch_size, SEED)}
    with exactly(threads=1), drawing_from(stream(SEED, "dropout", 0)):
        state = TrainState.begin(stage, model, Adam(lr=work.lr), batches)
        clock.begin()
        fit(stage, model, domains, strategy, trainer, state, Silent())
        clock.end()

    def predict(inputs: Tensor) -> Tensor:
        model.train()
        z = model.trunk(inputs, "target", update_stats=False, passed=split.passed)
        return model.output(TaskKey("target", task.name), z)

    return predict


def options(work: Work) -> TrainerOptions:
    """The trainer's defaults but for the budget, and for a precision that is not the default."""
    budget = {"steps": work.steps, "batch_size": work.batch, "eval_every": work.steps}
    if work.precision == "fp32":
        return TrainerOptions(**budget)
    return TrainerOptions(**budget, precision=work.precision)
