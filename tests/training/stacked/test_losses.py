import numpy as np
import pytest
import torch
from stacks import SIZE, THREE, TWO

from tlrun.core.task import Task
from tlrun.training.losses import task_loss
from tlrun.training.stacked.losses import losses_and_slopes, targets


def labels_of(task: Task, n: int) -> torch.Tensor:
    """Labels, a third of them missing."""
    rng = np.random.default_rng(1)
    if task.kind == "regression":
        values = rng.standard_normal(n).astype(np.float32)
        values[::3] = np.nan
        return torch.from_numpy(values)
    classes = rng.integers(0, len(task.classes), n)
    classes[::3] = -1
    return torch.from_numpy(classes)


@pytest.mark.parametrize("task", [THREE, TWO, SIZE], ids=lambda task: task.kind)
def test_losses_and_slopes_are_those_of_each_head_alone(task: Task) -> None:
    F, T, M = 2, 3, 12
    generator = torch.Generator().manual_seed(0)
    outputs = torch.randn(F, T, task.outputs, M, generator=generator)
    labels = labels_of(task, M)
    truth, present = targets(task, labels)
    losses, slopes = losses_and_slopes(task.kind, outputs.clone(), truth.expand(F, M))

    for tile in range(F):
        for slot in range(T):
            own = outputs[tile, slot].T.contiguous().requires_grad_()
            share = float(present.float().mean())
            alone = task_loss(task, own, labels, share)
            alone.backward()  # type: ignore[no-untyped-call]  # theirs
            stacked = (losses[tile, slot] * present).sum() / (M * share)
            assert stacked.item() == pytest.approx(alone.item(), rel=1e-6)
            gradient = (slopes[tile, slot] * present / (M * share)).T
            assert torch.allclose(gradient, own.grad, rtol=1e-5, atol=1e-7)  # type: ignore[arg-type]


@pytest.mark.parametrize("task", [THREE, TWO, SIZE], ids=lambda task: task.kind)
def test_what_is_missing_is_told_and_finite(task: Task) -> None:
    labels = labels_of(task, 9)
    truth, present = targets(task, labels)

    assert present.tolist() == [False, True, True] * 3
    assert torch.isfinite(truth).all()


@pytest.mark.parametrize("size", [1e3, 1e30])
@pytest.mark.parametrize("task", [THREE, TWO], ids=lambda task: task.kind)
def test_logits_of_any_size_have_a_loss_and_a_slope(task: Task, size: float) -> None:
    outputs = torch.tensor([size, -size]).repeat(1, 1, task.outputs, 1)
    truth, _ = targets(task, torch.tensor([1, 0]))
    losses, slopes = losses_and_slopes(task.kind, outputs, truth.expand(1, 2))

    assert torch.isfinite(losses).all()
    assert torch.isfinite(slopes).all()
