"""Evaluation: losses, metrics and outputs of a model on a split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import torch

from tlrun.core.metrics import every_score
from tlrun.core.problem import Domain, Split, Task, TaskKey
from tlrun.data.batches import Batch, as_batch, labelled
from tlrun.training.losses import task_loss

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from tlrun.models.model import Model


# By the text of a TaskKey, since files hold them as they are: {"loss": …, metric: …}.
Scores = dict[str, dict[str, float | None]]


EVALUATION_BATCH = 1024  # examples a forward pass; bounds memory, changes no result beyond rounding


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


def validate(model: Model, domain: Domain) -> Scores:
    """Scores on the domain's validation examples; empty where it has none."""
    return {} if domain.val is None else evaluate(model, domain.name, domain.tasks, domain.val)[0]


def evaluate(
    model: Model, domain: str, tasks: Iterable[Task], split: Split
) -> tuple[Scores, dict[str, Tensor]]:
    """Loss and every metric of each task on `split`, and each task's outputs [N, k] (on the CPU),
    all in eval mode.
    """
    tasks = tuple(tasks)
    everything = as_batch(split, model.device)
    collected: dict[str, list[Tensor]] = {task.name: [] for task in tasks}
    model.eval()
    with torch.no_grad():
        for start in range(0, len(split), EVALUATION_BATCH):
            z = features(
                model, domain, tasks, everything.rows(slice(start, start + EVALUATION_BATCH))
            )
            for task in tasks:
                found = model.output(TaskKey(domain, task.name), z[task.name])
                collected[task.name].append(found)
    outputs = {name: torch.cat(parts).cpu() for name, parts in collected.items()}
    scores: Scores = {}
    for task in tasks:
        labels = torch.from_numpy(split.labels[task.name])
        present = labelled(labels)
        share = float(present.double().mean())
        told = outputs[task.name][present].numpy()
        loss = float(task_loss(task, outputs[task.name], labels, share)) if share else None
        by_metric = every_score(task, told, labels[present].numpy())
        scores[str(TaskKey(domain, task.name))] = {"loss": loss, **by_metric}
    return scores, outputs
