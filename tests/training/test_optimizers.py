"""What they do is what torch's own optimizers do, to the bit, whose objects are not built."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import SGD, lr_scheduler
from torch.optim import Adam as TorchAdam
from torch.optim import AdamW as TorchAdamw

from tlrun.core.errors import UserError
from tlrun.training.optimizers import Adam, Adamw, Optimizer, Sgd, Updates

STEPS = 10
SHAPES = ((3, 2), (5,), (2, 3, 3, 3))

ORACLES: list[tuple[Optimizer, Callable[[list[Tensor]], torch.optim.Optimizer]]] = [
    (Adam(lr=0.1, weight_decay=0.2), lambda p: TorchAdam(p, 0.1, weight_decay=0.2, fused=True)),
    (Adamw(lr=0.1), lambda p: TorchAdamw(p, 0.1, weight_decay=0.01, fused=True)),
    (Sgd(momentum=0.0), lambda p: SGD(p, 0.1, fused=True)),
    (
        Sgd(lr=0.3, momentum=0.4, weight_decay=0.2, nesterov=True),
        lambda p: SGD(p, 0.3, momentum=0.4, weight_decay=0.2, nesterov=True, fused=True),
    ),
]


def fresh() -> list[Parameter]:
    generator = torch.Generator().manual_seed(0)
    drawn = [torch.randn(shape, generator=generator) for shape in SHAPES]
    drawn[-1] = drawn[-1].to(memory_format=torch.channels_last)
    return [Parameter(tensor) for tensor in drawn]


def descend(parameters: list[Parameter], step: int) -> None:
    """Gradients of a loss in which the second parameter has a part in every other step only.

    The first is one of them: torch's fused SGD fails where some velocities are there and some not.
    """
    loss = sum((p.cos() * p).sum() for k, p in enumerate(parameters) if k != 1 or step % 2 == 0)
    loss.backward()  # type: ignore[union-attr]


@pytest.mark.parametrize(("ours", "theirs"), ORACLES, ids=lambda each: type(each).__name__)
def test_it_is_torchs_own_to_the_bit(
    ours: Optimizer, theirs: Callable[[list[Tensor]], torch.optim.Optimizer]
) -> None:
    """With parameters that have no gradient in some steps, and in memory formats of their own."""
    one, other = fresh(), fresh()
    updates, oracle = Updates(ours, one, STEPS), theirs(list(other))
    for step in range(STEPS):
        for parameters, by in ((one, updates), (other, oracle)):
            by.zero_grad()
            descend(parameters, step)
            by.step()

    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, rtol=0.0, atol=0.0)
    assert not torch.equal(one[1], fresh()[1])


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_the_learning_rate_over_a_stage_is_torchs(schedule: Any) -> None:
    ours = Sgd(lr=1.0, schedule=schedule)
    oracle = SGD([Parameter(torch.ones(1))], 1.0)
    theirs: dict[str, Callable[[], lr_scheduler.LRScheduler]] = {
        "constant": lambda: lr_scheduler.ConstantLR(oracle, factor=1.0),
        "linear": lambda: lr_scheduler.LinearLR(oracle, 1.0, 0.0, total_iters=STEPS),
        "cosine": lambda: lr_scheduler.CosineAnnealingLR(oracle, T_max=STEPS),
    }
    scheduler = theirs[schedule]()
    for n in range(STEPS + 1):
        assert ours.rate(n, STEPS) == pytest.approx(oracle.param_groups[0]["lr"], abs=1e-12)
        oracle.step()
        scheduler.step()


def test_the_schedule_reaches_the_updates() -> None:
    """Under plain SGD and a gradient of 1 the way is the sum of the rates."""
    weight = Parameter(torch.zeros(1, dtype=torch.float64))
    ours = Sgd(lr=1.0, momentum=0.0, schedule="linear")
    updates = Updates(ours, [weight], STEPS)
    for _ in range(STEPS):
        updates.zero_grad()
        weight.sum().backward()  # type: ignore[no-untyped-call]
        updates.step()

    assert -weight.item() == pytest.approx(sum(ours.rate(n, STEPS) for n in range(STEPS)))


def test_a_state_of_other_parameters_is_refused() -> None:
    updates = Updates(Adam(), fresh(), STEPS)
    with pytest.raises(ValueError, match="expected the moments mean, square, found velocity"):
        updates.load_state_dict(Updates(Sgd(), fresh(), STEPS).state_dict())
    with pytest.raises(ValueError, match="expected one for each parameter"):
        updates.load_state_dict(Updates(Adam(), fresh()[:1], STEPS).state_dict())


def test_nothing_that_costs_seconds_is_imported() -> None:
    """torch's own optimizers import its compiler where the first of them is built."""
    code = """
import sys, torch
from tlrun.training.optimizers import Adam, Adamw, Sgd, Updates
for optimizer in (Adam(), Adamw(), Sgd()):
    weight = torch.nn.Parameter(torch.ones(1))
    updates = Updates(optimizer, [weight], 1)
    weight.sum().backward()
    updates.step()
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nesterov_without_momentum_is_refused() -> None:
    with pytest.raises(UserError, match=r"optimizer\.momentum: expected more than 0"):
        Sgd(momentum=0.0, nesterov=True)


@pytest.mark.parametrize("ours", [Adam(lr=0.1), Adamw(lr=0.1), Sgd(momentum=0.5)], ids=repr)
@pytest.mark.parametrize("laid_out", ["contiguous", "expanded", "transposed"])
def test_a_gradient_counts_as_it_reads_however_it_lies_in_memory(
    ours: Optimizer, laid_out: str
) -> None:
    """Gradients that an equation writes by itself; a fused kernel would read past their end."""
    ends = []
    for own in (False, True):
        parameter = Parameter(fresh()[-1].detach().clone())  # channels_last
        updates = Updates(ours, [parameter], STEPS)
        for step in range(3):
            gradient = torch.linspace(-1, 1, parameter.numel()).view(parameter.shape) + step
            if laid_out == "expanded":
                gradient = torch.ones(()).expand(parameter.shape)
            elif laid_out == "transposed":
                gradient = gradient.transpose(2, 3)
            if own:
                gradient = gradient.clone(memory_format=torch.channels_last)
            parameter.grad = gradient
            updates.step()
        ends.append(parameter.detach().clone())

    assert torch.equal(*ends)


def test_a_state_that_does_not_fit_leaves_everything_as_it_was() -> None:
    updates = Updates(Adam(), fresh(), STEPS)
    other = Updates(Adam(), [*fresh()[:2], Parameter(torch.ones(7))], STEPS)
    saved = other.state_dict()
    saved["counts"][0] += 5
    with pytest.raises(ValueError, match="mean: expected one for each parameter"):
        updates.load_state_dict(saved)

    assert not any(bool(count) for count in updates.state_dict()["counts"])
