"""Evaluation: losses, metrics and outputs of a model on a split.

Shapes: B examples in a batch, N in a split, d features, k outputs of a head.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from tlrun.core.metrics import every_score
from tlrun.core.problem import Domain, Split
from tlrun.core.task import Task, TaskKey
from tlrun.core.tokens import by_length
from tlrun.data.batches import as_tensor, labelled
from tlrun.training.losses import task_loss

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.models.model import Model


# By the text of a TaskKey: {"loss": L_i, metric: its value, …}, None where a value is undefined.
# Texts, since result.json and metrics.jsonl hold scores as they are.
Scores = dict[str, dict[str, float | None]]
# Sees which examples are computed next.
Watch = Callable[[Iterator[slice]], Iterator[slice]]


# Examples of a forward pass, and numbers of their inputs; they bound memory, and change no result
# beyond rounding. Of images fewer: what φ makes of them is many times as large as they are, and
# memory that is asked for anew costs a processor more than the arithmetic.
EVALUATION_BATCH, EVALUATION_NUMBERS, EVALUATION_IMAGES = 1024, 2**22, 256
EVALUATION_TOKENS = 2**15  # likewise of texts, padding included


def encoded(
    model: Model, domain: str, split: Split, modules: int, watch: Watch = iter
) -> Iterator[np.ndarray]:
    """What the first `modules` of φ make of a split of `domain`, float32 [N, …], in eval mode.

    It comes in parts, in order. watch: is handed these, and hands them on. Where each task has a φ
    of its own, that of the domain's first task computes it, so they have to be alike so far.
    """
    model.eval()
    with torch.no_grad():
        for part in watch(slices(split)):

            def through(inputs: Tensor) -> list[Tensor]:
                return [model.first_trunk(domain).through(inputs, domain, modules)]

            (made,) = in_order(split, part, model.device, through)
            yield made.cpu().contiguous().numpy()


def validate(model: Model, domain: Domain) -> Scores:
    """Scores of the domain's tasks on its validation examples; empty where it has none."""
    if domain.val is None:
        return {}
    scores, _ = evaluate(model, domain.name, domain.tasks, domain.val)
    return scores


def evaluate(
    model: Model, domain: str, tasks: Iterable[Task], split: Split
) -> tuple[Scores, dict[str, Tensor]]:
    """The scores of `tasks` on a split of `domain`, and the outputs they are of, in eval mode.

    Scores: L_i of each task, the mean of its loss over the labelled examples, and every metric of
    its kind; all None where no example is labelled, one that is not finite too. Outputs: [N, k] on
    the CPU, of every example, by the task's name: logits, or numbers in their unit, float64.
    """
    tasks = tuple(tasks)
    return scored(domain, tasks, outputs_of(model, domain, tasks, split), split)


def outputs_of(
    model: Model, domain: str, tasks: Sequence[Task], split: Split, watch: Watch = iter
) -> dict[str, Tensor]:
    """What the heads of `tasks` say of a split of `domain`: [N, k] on the CPU, by task name.

    watch: is handed the parts of it, in order, and hands them on.
    """
    collected: dict[str, list[Tensor]] = {task.name: [] for task in tasks}

    def outputs(inputs: Tensor) -> list[Tensor]:
        z = model.features(inputs, domain, tasks, split.passed)
        return [model.output(TaskKey(domain, task.name), z[task.name]) for task in tasks]

    model.eval()
    with torch.no_grad():
        for part in watch(slices(split)):
            made = in_order(split, part, model.device, outputs)
            for task, output in zip(tasks, made, strict=True):
                collected[task.name].append(output)
    return {name: torch.cat(parts).cpu() for name, parts in collected.items()}


def in_order(
    split: Split,
    part: slice,
    device: torch.device,
    compute: Callable[[Tensor], list[Tensor]],
) -> list[Tensor]:
    """What `compute` makes of the inputs in a part of a split, each [B, …], in their order.

    Texts are handed to it with others of like length, so that little of them is padding.
    """
    lengths = getattr(split.inputs, "lengths", None)
    if lengths is None:
        return compute(as_tensor(split.inputs[part], device))
    start = part.start or 0
    groups = by_length(lengths[part], EVALUATION_TOKENS)
    made = [compute(as_tensor(split.inputs[start + rows], device)) for rows in groups]
    back = torch.from_numpy(np.argsort(np.concatenate(groups))).to(device)
    return [torch.cat(pieces)[back] for pieces in zip(*made, strict=True)]


def slices(split: Split) -> Iterator[slice]:
    """All of a split in order, as many examples at once as a forward pass takes."""
    numbers = max(1, math.prod(split.inputs.shape[1:]))
    images = len(split.inputs.shape) == 4
    most = EVALUATION_IMAGES if images else EVALUATION_BATCH
    step = max(1, min(most, EVALUATION_NUMBERS // numbers))
    for start in range(0, max(1, len(split)), step):  # of no example, once
        yield slice(start, start + step)


def scored(
    domain: str, tasks: Sequence[Task], outputs: Mapping[str, Tensor], split: Split
) -> tuple[Scores, dict[str, Tensor]]:
    """Scores and outputs as `evaluate` gives them, of what heads have said of a split."""
    scores: Scores = {}
    in_unit: dict[str, Tensor] = {}
    for task in tasks:
        predicted = outputs[task.name]
        labels = torch.from_numpy(split.labels[task.name])
        present = labelled(labels)
        share = float(present.double().mean()) if len(present) else 0.0
        loss = float(task_loss(task, predicted, labels, share)) if share else math.nan
        if task.kind == "regression":
            predicted = task.location + task.scale * predicted.double()
        in_unit[task.name] = predicted
        by_metric = every_score(task, predicted[present].numpy(), labels[present].numpy())
        scores[str(TaskKey(domain, task.name))] = {
            "loss": loss if math.isfinite(loss) else None,
            **by_metric,
        }
    return scores, in_unit
