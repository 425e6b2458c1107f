"""The one training loop, and evaluation. Neither knows a strategy, a data set, a path or a screen by name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import torch

from tlrun.core import Recorder, Stage, Step, Steps, Strategy, Trainer
from tlrun.data.batches import Batch, Batches, as_batch
from tlrun.errors import RunFailed
from tlrun.losses import labelled, task_loss
from tlrun.metrics import METRICS, score
from tlrun.problem import Domain, Split, Task

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from tlrun.core import Objective
    from tlrun.model import Model
    from tlrun.optimizers import Optimizer

Scores = dict[str, dict[str, float | None]]  # "<domain>/<task>" → {"loss", metric…}
EVALUATION_BATCH = 1024  # examples a forward pass; bounds memory, changes no result beyond rounding


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

    domains: training and validation examples by name. batches: per domain the sequence it is drawn in, taken up where
    the stage before left it. Raises RunFailed, before the update, when the objective is not finite.
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
        model.remember(objective.found)
        recorder.step(step, terms)
        if step % trainer.eval_every == 0 or step == stage.steps:
            validation = {k: v for name in stage.domains for k, v in validate(model, domains[name]).items()}
            recorder.log({"stage": stage.name, "step": step, "lam": lam.value, "terms": terms, "val": validation})
            if trainer.select == "best" and (loss := selection_loss(domains, stage, validation, strategy)) < best[0]:
                best = (loss, {name: tensor.clone() for name, tensor in model.state_dict().items()})
    if best[1]:
        model.load_state_dict(best[1])
    model.freeze_backbone(False)


def forward(model: Model, domain: Domain, batch: Batch, shares: Mapping[str, float]) -> Step:
    """One pass of one domain: z, every task's output, and its loss where any training example has its label."""
    z = features(model, domain.name, domain.tasks, batch)
    outputs = {task.name: model.output(f"{domain.name}/{task.name}", z[task.name]) for task in domain.tasks}
    losses = {
        task.name: task_loss(task, outputs[task.name], batch.labels[task.name], shares[task.name])
        for task in domain.tasks
        if shares[task.name] > 0.0
    }
    return Step(domain.role, batch.inputs, domain.tasks, z, outputs, losses)


def features(model: Model, domain: str, tasks: Sequence[Task], batch: Batch) -> dict[str, Tensor]:
    """z [B, d] of a batch of `domain` for each of `tasks`, by its name."""
    if batch.encoded:
        return dict.fromkeys((task.name for task in tasks), batch.inputs)
    return model.features(batch.inputs, domain, tasks)


def encoded(model: Model, domain: str, split: Split) -> np.ndarray:
    """z [N, d] of every example of `split`, which comes from `domain`, in eval mode, on the CPU."""
    inputs = as_batch(split, model.device).inputs
    model.eval()
    with torch.no_grad():
        parts = [model.trunk(part, domain) for part in torch.split(inputs, EVALUATION_BATCH)]
    return torch.cat(parts).cpu().numpy()


def training_mode(model: Model, stage: Stage) -> None:
    """train(), but a frozen φ in eval(): neither dropout nor the statistics of BatchNorm may move it."""
    model.train()
    if stage.frozen:
        model.trunks.eval()


def measured(objective: Objective, stage: Stage, step: int) -> dict[str, float]:
    """The terms drawn in this step and their total as numbers. Raises RunFailed at the first that is not finite."""
    terms = {name: float(term.detach()) for name, term in objective.terms.items() if isinstance(term, torch.Tensor)}
    terms["total"] = float(torch.as_tensor(objective.total).detach())
    for name, value in terms.items():
        if not math.isfinite(value):
            raise RunFailed(
                f"stage {stage.name}, step {step}, λ={stage.lam.label}: expected a finite {name}, found {value}; "
                "try a smaller optimizer.lr"
            )
    return terms


def selection_loss(domains: Mapping[str, Domain], stage: Stage, validation: Scores, strategy: Strategy) -> float:
    """Σ validation losses of the drawn targets; of all drawn domains where there are none, or all are its tasks."""
    targets = [name for name in stage.domains if domains[name].role == "target" and "target" in strategy.needs]
    wanted = [f"{name}/{task.name}" for name in targets or stage.domains for task in domains[name].tasks]
    losses = [validation[key]["loss"] for key in wanted]
    return sum(math.inf if loss is None else loss for loss in losses)  # undefined is never the best


def validate(model: Model, domain: Domain) -> Scores:
    """Scores on the domain's validation examples; empty where it has none."""
    return {} if domain.val is None else evaluate(model, domain.name, domain.tasks, domain.val)[0]


def evaluate(model: Model, domain: str, tasks: Iterable[Task], split: Split) -> tuple[Scores, dict[str, Tensor]]:
    """Loss and every metric of each task on `split`, and each task's outputs [N, k] (on the CPU), all in eval mode."""
    tasks = tuple(tasks)
    everything = as_batch(split, model.device)
    collected: dict[str, list[Tensor]] = {task.name: [] for task in tasks}
    model.eval()
    with torch.no_grad():
        for start in range(0, len(split), EVALUATION_BATCH):
            z = features(model, domain, tasks, everything.rows(slice(start, start + EVALUATION_BATCH)))
            for task in tasks:
                collected[task.name].append(model.output(f"{domain}/{task.name}", z[task.name]))
    outputs = {name: torch.cat(parts).cpu() for name, parts in collected.items()}
    scores: Scores = {}
    for task in tasks:
        labels = torch.from_numpy(split.labels[task.name])
        present = labelled(labels)
        share = float(present.double().mean())
        found = outputs[task.name][present].numpy(), labels[present].numpy()
        loss = float(task_loss(task, outputs[task.name], labels, share)) if share else None
        scores[f"{domain}/{task.name}"] = {"loss": loss} | {m: score(m, task, *found) for m in METRICS[task.kind]}
    return scores, outputs
