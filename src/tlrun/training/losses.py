"""The loss L_i of a task: the mean of its examples' losses over those that are labelled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812  # torch's own spelling

from tlrun.data.batches import labelled

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.core.task import Task


def task_loss(task: Task, outputs: Tensor, labels: Tensor, share: float) -> Tensor:
    """L_i = Σ_b loss_b / (B · share), a scalar, over the labelled examples b of a batch of B.

    With o the `outputs` [B, k] and y the `labels` [B] of `task` i (-1 or nan where there is none),
        multiclass  loss_b = -log softmax(o_b)[y_b]                          cross-entropy
        binary      loss_b = -y_b log σ(o_b1) - (1 - y_b) log(1 - σ(o_b1))   the same of one logit
        regression  loss_b = (o_b1 - (y_b - m_i)/s_i)²                       squared error
    m_i and s_i are the task's location and scale.

    share: the share of the training examples that carry this label, above 0, so that B · share is
    the *expected* number of labels in a batch. Dividing by the batch's own number instead would
    weigh a rare label more whenever it is drawn alone, and so bias the mean over batches. Of a
    whole split, whose own share is given, L_i is the mean over its labelled examples.

    A batch without a label gives exactly 0, and a gradient of 0.
    """
    chosen, truth = outputs, labels
    if share < 1.0:  # with every label there, looking for them would be most of the work
        present = labelled(labels)
        chosen, truth = outputs[present], labels[present]
    if task.kind == "multiclass":
        total = F.cross_entropy(chosen, truth, reduction="sum")
    else:
        single = chosen[:, 0]
        if task.kind == "binary":
            truth = truth.to(single.dtype)
            total = F.binary_cross_entropy_with_logits(single, truth, reduction="sum")
        else:
            truth = ((truth - task.location) / task.scale).to(single.dtype)
            total = F.mse_loss(single, truth, reduction="sum")
    return total / (len(labels) * share)


def task_losses(
    tasks: Sequence[Task], outputs: Tensor, labels: Tensor, shares: Sequence[float]
) -> Tensor:
    """L_i of T tasks of one kind and k at once, [T]: each is that of `task_loss`, to rounding.

    outputs: [T, k, B], an example a column. labels: [T, B]. shares: of each, above 0.
    """
    truth = labels
    full = min(shares) >= 1.0
    missing = None if full else ~labelled(truth)
    if tasks[0].kind == "multiclass":
        # a missing label is -1: its loss is 0, without gradient
        each = F.cross_entropy(outputs, truth, reduction="none", ignore_index=-1)
    else:
        if tasks[0].kind == "regression":
            location, scale = ([task.location for task in tasks], [task.scale for task in tasks])
            truth = (truth - _column(location, truth)) / _column(scale, truth)
        truth = truth.to(outputs.dtype)
        if missing is not None:
            truth = truth.masked_fill(missing, 0.0)
        loss = F.binary_cross_entropy_with_logits if tasks[0].kind == "binary" else F.mse_loss
        each = loss(outputs[:, 0], truth, reduction="none")
        if missing is not None:
            each = each.masked_fill(missing, 0.0)
    B = truth.shape[1]
    return each.sum(dim=1) / (B if full else _column([B * share for share in shares], each)[:, 0])


def _column(numbers: Sequence[float], like: Tensor) -> Tensor:
    """A number a task as [T, 1], of the type of `like`."""
    return torch.tensor(numbers, dtype=like.dtype, device=like.device)[:, None]
