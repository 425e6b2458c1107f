"""What a stage holds fixed of φ, computed once for all its steps and for every run alike."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from tlrun.core.inputs import InputSpec
from tlrun.core.problem import Domain, Split
from tlrun.models.blocks import first_free
from tlrun.runs.identity import backbone_node
from tlrun.runs.plan import Plan
from tlrun.runs.screen import Screen, shown
from tlrun.runs.stage_key import computes_once
from tlrun.store.features import FeatureStore
from tlrun.strategies.base import Stage
from tlrun.training.evaluation import encoded
from tlrun.training.options import TrainerOptions

MOST = 8  # times the bytes of an input that are kept of it, at most

if TYPE_CHECKING:
    import numpy as np

    from tlrun.models.model import Model


@dataclass(frozen=True)
class Encoder:
    """What computes, or finds, what the first modules of φ make of examples.

    plan: of the run. screen: is told what is waited for, damaged, or could not be kept, and how far
    a long computation has come. name: what it calls the run. inputs: what one input is.
    """

    plan: Plan
    screen: Screen
    name: str
    inputs: InputSpec

    def as_trained(self, stage: Stage, model: Model, domain: Domain) -> Domain:
        """A domain as a stage sees it: as features, where φ is held fixed and that saves work."""
        fixed = self._fixed(stage, model)
        if not fixed:
            return domain
        train, val = domain.train, domain.val
        # A stage that draws fewer examples than there are would pay for those it never sees.
        if stage.steps * self.plan.run.trainer.batch_size >= len(train):
            train = self._encoded(model, domain.name, train, fixed)
        if val is not None:
            val = self._encoded(model, domain.name, val, fixed)
        return replace(domain, train=train, val=val)

    def encoded(self, stage: Stage, model: Model, domain: str, split: Split) -> Split:
        """`split` of `domain` as what the part of φ that the stage held fixed makes of it."""
        return self._encoded(model, domain, split, self._fixed(stage, model))

    def _fixed(self, stage: Stage, model: Model) -> int:
        return held_fixed(stage, model, self.inputs, self.plan.run.trainer)

    def _encoded(self, model: Model, domain: str, split: Split, modules: int) -> Split:
        """What the first `modules` of φ make of a split, from the store or computed."""
        if not modules:
            return split
        maker = {
            "backbone": backbone_node(self.plan.run, pretrained=False),
            "modules": modules,
            "memory_format": self.plan.run.trainer.memory_format,
            "fingerprint": self.plan.fingerprint,
        }
        runs_dir = self.plan.run.runs_folder
        store = FeatureStore(runs_dir, maker, self.screen.note)
        trunk = model.first_trunk(domain)
        weights = trunk.extractor(domain, modules)
        width = model.width if modules == first_free(trunk.backbone, "head") else None
        doing = f"features of {domain}"

        def watch(parts: Iterator[slice]) -> Iterator[slice]:
            return shown(parts, self.screen, self.name, doing, len(split))

        def compute() -> Iterator[np.ndarray]:
            return encoded(model, domain, split, modules, watch)

        features = store.get(weights, split.inputs, compute, width)
        return replace(split, inputs=features, passed=modules)


def held_fixed(stage: Stage, model: Model, inputs: InputSpec, trainer: TrainerOptions) -> int:
    """How many modules of φ, in order, are computed once for the stage; 0: none.

    inputs: what one input of the model is.
    """
    if not computes_once([stage], trainer):
        return 0
    domain = next(iter(stage.domains))
    trunk = model.first_trunk(domain)
    fixed = first_free(trunk.backbone, stage.trained)
    if stage.trained == "head":
        return fixed
    # what is much larger than the inputs takes longer to read than to compute
    one = torch.zeros(1, *inputs.shape, dtype=getattr(torch, inputs.dtype), device=model.device)
    model.eval()
    with torch.no_grad():
        made = trunk.through(one, domain, fixed)
        # a vector for each token: there are as many as the longest text has that is read beside
        tokens = inputs.kind == "tokens"
        if tokens and trunk.through(one[:, :1], domain, fixed).shape != made.shape:
            return 0
    return fixed if made.nbytes <= MOST * one.nbytes else 0
