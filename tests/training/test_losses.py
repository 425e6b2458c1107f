import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from tlrun.core.task import Task
from tlrun.data.batches import labelled
from tlrun.training.losses import task_loss, task_losses

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


@pytest.mark.parametrize("task", [THREE, TWO, REAL], ids=lambda task: task.kind)
@pytest.mark.parametrize("missing", [False, True])
def test_losses_at_once_are_those_of_each(task: Task, missing: bool) -> None:
    """Of several tasks, one of which has no label in the batch; gradients too."""
    tasks = [replace(task, name=f"{n}", location=n - 1.0, scale=1.0 + n) for n in range(5)]
    outputs = torch.randn(5, task.outputs, 8, dtype=torch.float64, requires_grad=True)
    labels = [torch.randint(0, task.outputs if task is THREE else 2, (8,)) for _ in tasks]
    if task is REAL:
        labels = [torch.randn(8, dtype=torch.float64) for _ in tasks]
    shares = [1.0] * 5
    if missing:
        nothing = math.nan if task is REAL else -1
        labels[0][::2] = nothing
        labels[3][:] = nothing
        shares = [0.5, 1.0, 1.0, 0.3, 1.0]

    at_once = task_losses(tasks, outputs, torch.stack(list(labels)), shares)
    each = torch.stack(
        [
            task_loss(one, said.T, truth, share)
            for one, said, truth, share in zip(tasks, outputs, labels, shares, strict=True)
        ]
    )

    assert torch.allclose(at_once, each, atol=1e-12)
    if missing:
        assert at_once[3].item() == 0.0
    (slope,), (expected,) = (
        torch.autograd.grad(some.square().sum(), outputs) for some in (at_once, each)
    )
    assert torch.allclose(slope, expected, atol=1e-12)


def test_what_is_said_of_unlabelled_examples_may_be_anything() -> None:
    for task in (THREE, TWO, REAL):
        outputs = torch.randn(4, task.outputs, 3)
        outputs[:, :, 0] = math.inf if task is not THREE else 1e30
        labels = torch.ones(3) if task is REAL else torch.ones(3, dtype=torch.int64)
        labels[0] = math.nan if task is REAL else -1
        found = task_losses([task] * 4, outputs, torch.stack([labels] * 4), [0.7] * 4)
        assert torch.isfinite(found).all()
