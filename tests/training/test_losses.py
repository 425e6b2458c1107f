import math

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from tlrun.core.task import Task
from tlrun.data.batches import labelled
from tlrun.training.losses import task_loss

THREE = Task("three", "multiclass", ("a", "b", "c"))
TWO = Task("two", "binary", ("no", "yes"))
REAL = Task("real", "regression")


def test_fully_labelled_loss_is_torchs_mean() -> None:
    logits, classes = torch.randn(8, 3), torch.randint(0, 3, (8,))
    single, flags, numbers = torch.randn(8, 1), torch.randint(0, 2, (8,)), torch.randn(8)

    assert torch.allclose(task_loss(THREE, logits, classes, 1.0), F.cross_entropy(logits, classes))
    assert torch.allclose(
        task_loss(TWO, single, flags, 1.0),
        F.binary_cross_entropy_with_logits(single[:, 0], flags.float()),
    )
    assert torch.allclose(task_loss(REAL, single, numbers, 1.0), F.mse_loss(single[:, 0], numbers))


@pytest.mark.parametrize("task", [THREE, TWO, REAL], ids=lambda task: task.kind)
def test_a_batch_without_labels_gives_zero_and_no_gradient(task: Task) -> None:
    outputs = torch.randn(4, task.outputs, requires_grad=True)
    missing = torch.full((4,), math.nan) if task.kind == "regression" else torch.full((4,), -1)

    loss = task_loss(task, outputs, missing, 0.5)
    loss.backward()  # type: ignore[no-untyped-call]

    assert loss.item() == 0.0
    assert outputs.grad is not None
    assert not outputs.grad.any()


def test_the_mean_over_batches_is_the_mean_per_labelled_example() -> None:
    """Dividing by the expected number of labels makes batches of unequal numbers of labels add up
    without bias."""
    outputs, labels = torch.randn(12, 3), torch.randint(0, 3, (12,))
    labels[[0, 1, 2, 3, 5, 8]] = -1  # the first batch of four has no label at all
    present = labelled(labels)

    batches = [task_loss(THREE, outputs[k : k + 4], labels[k : k + 4], 0.5) for k in (0, 4, 8)]

    assert torch.allclose(
        torch.stack(batches).mean(), F.cross_entropy(outputs[present], labels[present])
    )
