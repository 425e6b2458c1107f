import pytest
import torch
from torch.nn import Parameter

from tlrun.core.errors import UserError
from tlrun.training.optimizers import Adam, Adamw, Optimizer, Sgd

STEPS = 10


@pytest.mark.parametrize(
    "spec", [Sgd(), Adam(lr=0.1), Adamw(lr=0.1)], ids=lambda spec: type(spec).__name__
)
def test_every_optimizer_goes_downhill(spec: Optimizer) -> None:
    weight = Parameter(torch.ones(3))
    optimizer = spec.build([weight])
    for _ in range(STEPS):
        optimizer.zero_grad()
        (weight**2).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    assert (weight**2).sum() < 1.0


def test_the_options_reach_torch() -> None:
    weight = Parameter(torch.ones(1))
    sgd = Sgd(lr=0.3, momentum=0.4, weight_decay=0.2, nesterov=True).build([weight])
    adam = Adam(lr=0.3, weight_decay=0.2).build([weight])
    adamw = Adamw(lr=0.3).build([weight])

    found = sgd.param_groups[0]
    assert (found["lr"], found["momentum"], found["weight_decay"], found["nesterov"]) == (
        0.3,
        0.4,
        0.2,
        True,
    )
    assert (adam.param_groups[0]["lr"], adam.param_groups[0]["weight_decay"]) == (0.3, 0.2)
    assert adamw.param_groups[0]["weight_decay"] == 0.01


@pytest.mark.parametrize(
    ("schedule", "middle", "end"),
    [("constant", 1.0, 1.0), ("linear", 0.5, 0.0), ("cosine", 0.5, 0.0)],
)
def test_the_learning_rate_over_a_stage(schedule: str, middle: float, end: float) -> None:
    spec = Sgd(lr=1.0, schedule=schedule)  # type: ignore[arg-type]
    optimizer = spec.build([Parameter(torch.ones(1))])
    scheduler = spec.schedule_of(optimizer, STEPS)
    rates = [optimizer.param_groups[0]["lr"]]
    for _ in range(STEPS):
        optimizer.step()
        scheduler.step()
        rates.append(optimizer.param_groups[0]["lr"])

    assert rates[0] == 1.0
    assert rates[STEPS // 2] == pytest.approx(middle)
    assert rates[-1] == pytest.approx(end, abs=1e-12)
    assert rates == sorted(rates, reverse=True)


def test_nesterov_without_momentum_is_refused() -> None:
    with pytest.raises(UserError, match=r"optimizer\.momentum: expected more than 0"):
        Sgd(momentum=0.0, nesterov=True)
