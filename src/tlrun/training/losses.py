"""The loss L_i of a task: the mean over its labelled examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional as F  # noqa: N812  # torch's own spelling

from tlrun.data.batches import labelled

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.core.problem import Task


def task_loss(task: Task, outputs: Tensor, labels: Tensor, share: float) -> Tensor:
    """L_i = Σ_b loss_b / (B · share), summed over the labelled examples b of a batch of B.

    outputs: [B, k] logits or predictions. labels: [B]. share: the share of the training examples
    that carry this label, so that B · share is the *expected* number of labels in a batch. Dividing
    by the batch's own number instead would weigh a rare label more whenever it is drawn alone, and
    so bias the mean over batches.

    loss_b: cross-entropy (multiclass), binary cross-entropy with logits (binary), squared error
    (regression). A batch without a label gives exactly 0, and no gradient.
    """
    present = labelled(labels)
    chosen, truth = outputs[present], labels[present]
    if task.kind == "multiclass":
        total = F.cross_entropy(chosen, truth, reduction="sum")
    elif task.kind == "binary":
        total = F.binary_cross_entropy_with_logits(
            chosen[:, 0], truth.to(chosen.dtype), reduction="sum"
        )
    else:
        total = F.mse_loss(chosen[:, 0], truth.to(chosen.dtype), reduction="sum")
    return total / (len(labels) * share)
