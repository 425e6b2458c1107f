"""The one training loop. It knows no strategy, data set, path or screen by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from tlrun.core.errors import RunFailed
from tlrun.core.objective import Step, Steps
from tlrun.core.problem import Domain, TaskKey
from tlrun.data.batches import Batch, Batches
from tlrun.strategies.base import Stage, Strategy
from tlrun.training.evaluation import Scores, features, validate
from tlrun.training.losses import task_loss
from tlrun.training.options import Trainer
from tlrun.training.recorder import Recorder

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.core.objective import Objective
    from tlrun.models.model import Model
    from tlrun.training.optimizers import Optimizer


def fit(
    stage: Stage,
    model: Model,
    domains: Mapping[str, Domain],
    strategy: Strategy,
    optimizer_spec: Optimizer,
    trainer: Trainer,
    batches: Mapping[str, Batches],
    recorder: Recorder,
) -> None:
    """Train `model` in place through `stage`.

    domains: training and validation examples by name. batches: per domain the sequence it is drawn
    in, taken up where the stage before left it. Raises RunFailed, before the update, when the
    objective is not finite.
    """
    model.track(stage.domains)
    model.freeze_backbone(stage.frozen)
    optimizer = optimizer_spec.build([p for p in model.parameters() if p.requires_grad])
    schedule = optimizer_spec.schedule_of(optimizer, stage.steps)
    best: tuple[float, dict[str, Tensor]] = (math.inf, {})
    for step in range(1, stage.steps + 1):
        training_mode(model, stage)
        lam = stage.lam.at(step / stage.steps)
        steps = Steps()
        for name in stage.domains:
            steps[name] = forward(model, domains[name], next(batches[name]), batches[name].shares)
        objective = strategy.objective(steps, model, lam)
        terms = measured(objective, stage, step)
        optimizer.zero_grad()
        strategy.backward(objective, model)
        optimizer.step()
        schedule.step()
        model.update_buffers(objective.updates)
        recorder.step(step, terms)
        if step % trainer.eval_every == 0 or step == stage.steps:
            validation = {
                k: v for name in stage.domains for k, v in validate(model, domains[name]).items()
            }
            recorder.log(
                {
                    "stage": stage.name,
                    "step": step,
                    "lam": lam.value,
                    "terms": terms,
                    "val": validation,
                }
            )
            if (
                trainer.select == "best"
                and (loss := selection_loss(domains, stage, validation, strategy)) < best[0]
            ):
                best = (loss, {name: tensor.clone() for name, tensor in model.state_dict().items()})
    if best[1]:
        model.load_state_dict(best[1])
    model.freeze_backbone(False)


def forward(model: Model, domain: Domain, batch: Batch, shares: Mapping[str, float]) -> Step:
    """One pass of one domain: z, every task's output, and its loss where any training example has
    its label.
    """
    z = features(model, domain.name, domain.tasks, batch)
    outputs = {
        task.name: model.output(TaskKey(domain.name, task.name), z[task.name])
        for task in domain.tasks
    }
    losses = {
        task.name: task_loss(task, outputs[task.name], batch.labels[task.name], shares[task.name])
        for task in domain.tasks
        if shares[task.name] > 0.0
    }
    return Step(domain.role, batch.inputs, domain.tasks, z, outputs, losses)


def training_mode(model: Model, stage: Stage) -> None:
    """train(), but a frozen φ in eval(): neither dropout nor the statistics of BatchNorm may move
    it.
    """
    model.train()
    if stage.frozen:
        model.trunks.eval()


def measured(objective: Objective, stage: Stage, step: int) -> dict[str, float]:
    """The terms drawn in this step and their total as numbers. Raises RunFailed at the first that
    is not finite.
    """
    terms = {
        name: float(term.detach())
        for name, term in objective.terms.items()
        if isinstance(term, torch.Tensor)
    }
    terms["total"] = float(torch.as_tensor(objective.total).detach())
    for name, value in terms.items():
        if not math.isfinite(value):
            raise RunFailed(
                f"stage {stage.name}, step {step}, λ={stage.lam.label}: expected a finite {name}, found {value}; "
                "try a smaller optimizer.lr"
            )
    return terms


def selection_loss(
    domains: Mapping[str, Domain], stage: Stage, validation: Scores, strategy: Strategy
) -> float:
    """Σ validation losses of the drawn targets; of all drawn domains where there are none, or all
    are its tasks.
    """
    targets = [
        name
        for name in stage.domains
        if domains[name].role == "target" and "target" in strategy.needs
    ]
    wanted = [
        str(TaskKey(name, task.name))
        for name in targets or stage.domains
        for task in domains[name].tasks
    ]
    losses = [validation[key]["loss"] for key in wanted]
    return sum(math.inf if loss is None else loss for loss in losses)  # undefined is never the best
