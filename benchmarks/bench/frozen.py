"""A head on a frozen φ: by hand, which passes φ in every epoch, and tl-run, which does it once.

tl-run's arm is what `runs/encoding.py` and `runs/stages.py` do for the target stage of
`strategy=feature_transfer`: the features are computed, written to a store, digested, read back
through a map, and then `fit` trains on them. All that is in the time. φ has random weights, the
same net for all, in eval mode.
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from bench.nets import Predict, SmallCNN, examples, tensors
from bench.ours import SEED, Silent
from bench.rounds import Clock
from bench.rows import Work
from tlrun.core.inputs import InputSpec
from tlrun.core.problem import Domain, HeldOutTest, Problem, Split
from tlrun.core.seeding import drawing_from, exactly, stream
from tlrun.core.task import Task, TaskKey
from tlrun.data.batches import Batches
from tlrun.models.backbones.conv import Conv
from tlrun.models.blocks import first_free
from tlrun.models.build import draw_model
from tlrun.models.trunk import set_memory_format
from tlrun.store.features import FeatureStore
from tlrun.strategies.feature_transfer import FeatureTransfer
from tlrun.strategies.schedules import Constant
from tlrun.training.evaluation import encoded
from tlrun.training.loop import fit
from tlrun.training.optimizers import Adam
from tlrun.training.options import TrainerOptions
from tlrun.training.state import TrainState


def once(work: Work, clock: Clock) -> Predict:
    """tl-run as it comes: features computed once, and kept."""
    with tempfile.TemporaryDirectory() as folder:
        return _ours(work, clock, Path(folder))


def every_step(work: Work, clock: Clock) -> Predict:
    """tl-run with `trainer.cache_features=false`."""
    return _ours(work, clock, None)


def _ours(work: Work, clock: Clock, folder: Path | None) -> Predict:
    """folder: where features are kept; None: they are not."""
    task = Task("class", "multiclass", tuple(map(str, range(work.classes))))
    inputs, labels = examples(work)
    split = Split(inputs, {task.name: labels}, np.arange(work.n))
    domain = Domain("target", "target", (task,), split)
    problem = Problem({"target": domain}, HeldOutTest({}), digest="bench")
    strategy, trainer = FeatureTransfer(), _options(work)
    stage = strategy.stages(problem, Constant(math.inf), trainer.steps)[-1]
    model = draw_model(Conv(), InputSpec(work.shape), problem.tasks_by_domain, stage.init, SEED)
    set_memory_format(model.trunks, trainer.memory_format)
    with exactly(threads=1), drawing_from(stream(SEED, "dropout", 0)):
        clock.begin()
        if folder is not None:
            trunk = model.first_trunk("target")
            modules = first_free(trunk.backbone, stage.trained)
            store = FeatureStore(folder, {"modules": modules}, lambda _: None)
            features = store.get(
                trunk.extractor("target", modules),
                inputs,
                lambda: encoded(model, "target", split, modules),
            )
            split = replace(split, inputs=features, passed=modules)
        domains = {"target": replace(domain, train=split)}
        batches = {"target": Batches(split, "target", trainer.batch_size, SEED)}
        state = TrainState.begin(stage, model, Adam(lr=work.lr), batches)
        fit(stage, model, domains, strategy, trainer, state, Silent())
        clock.end()

    def predict(inputs: Tensor) -> Tensor:
        model.eval()
        z = model.trunk(inputs, "target", update_stats=False, passed=0)
        return model.output(TaskKey("target", task.name), z)

    return predict


def _options(work: Work) -> TrainerOptions:
    return TrainerOptions(steps=work.steps, batch_size=work.batch, eval_every=work.steps)


def by_hand(work: Work, clock: Clock) -> Predict:
    """TensorDataset, DataLoader, Adam; φ without gradient in every step, as people write it."""
    return _by_hand(work, clock, fast=False)


def improved(work: Work, clock: Clock) -> Predict:
    """The same with channels_last, and Adam in one kernel."""
    return _by_hand(work, clock, fast=True)


def _by_hand(work: Work, clock: Clock, *, fast: bool) -> Predict:
    net = SmallCNN(work.shape, work.classes)
    layout = torch.channels_last if fast else torch.contiguous_format
    net.to(memory_format=layout)
    phi, head = _phi(net), net.fc
    phi.eval().requires_grad_(requires_grad=False)
    optimizer = torch.optim.Adam(head.parameters(), lr=work.lr, fused=fast)
    loader = DataLoader(TensorDataset(*tensors(work)), batch_size=work.batch, shuffle=True)
    step, running = 0, 0.0
    clock.begin()
    while step < work.steps:
        for batch, labels in loader:
            inputs = batch.to(memory_format=layout) if fast else batch
            with torch.no_grad():
                z = phi(inputs)
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(head(z), labels)
            loss.backward()
            optimizer.step()
            running += loss.item()
            step += 1
            if step == work.steps:
                break
    clock.end()
    return net


def _phi(net: SmallCNN) -> nn.Sequential:
    """The net up to its head."""
    halved = (nn.ReLU(), nn.MaxPool2d(2))
    return nn.Sequential(net.conv1, *halved, net.conv2, *halved, nn.Flatten())
