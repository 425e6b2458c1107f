"""The losses of stacked outputs, example by example, and their slopes: `task_loss` for many heads.

Shapes: F tiles, T slots, k outputs, M examples of a step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812  # torch's own spelling

from tlrun.data.batches import labelled

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.core.task import Kind, Task


def targets(task: Task, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The labels [N] as the losses here want them, and which are present, bool [N].

    Class labels are int64 of several classes, float32 of two; numbers are (y - location)/scale.
    What is missing is 0.
    """
    present = labelled(labels)
    if task.kind == "regression":
        labels = ((labels - task.location) / task.scale).float()
    elif task.kind == "binary":
        labels = labels.float()
    return torch.where(present, labels, torch.zeros_like(labels)), present


def losses_and_slopes(kind: Kind, outputs: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """loss_b [F, T, M] of every example, as `task_loss` has it, and its slope [F, T, k, M].

    outputs: o [F, T, k, M]; they may be overwritten. truth: y [F, M], from `targets`. With p the
    softmax of o, or σ(o), the slopes by o are

        multiclass  p - [y]        binary  p - y        regression  2 (o - y)
    """
    slots = outputs.shape[1]
    if kind == "multiclass":
        wanted = truth[:, None, None, :].expand(-1, slots, 1, -1)
        chances = outputs.log_softmax(dim=2)
        losses = -chances.gather(2, wanted).squeeze(2)
        slopes = chances.exp_()
        slopes.scatter_add_(2, wanted, slopes.new_full((1, 1, 1, 1), -1.0).expand(wanted.shape))
        return losses, slopes
    single, wanted = outputs[:, :, 0], truth[:, None].expand(-1, slots, -1)
    if kind == "binary":
        losses = F.binary_cross_entropy_with_logits(single, wanted, reduction="none")
        return losses, (single.sigmoid() - wanted).unsqueeze(2)
    apart = single - wanted
    return apart.square(), (2 * apart).unsqueeze(2)
