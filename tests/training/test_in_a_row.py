"""Parameters in a row take the steps that they would take where they were."""

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor
from torch.nn import Parameter
from torch.optim import SGD
from torch.optim import Adam as TorchAdam
from torch.optim import AdamW as TorchAdamw

from tlrun.training.in_a_row import FEW, SMALL, Trained, rows
from tlrun.training.optimizers import Adam, Adamw, Optimizer, Sgd, Updates

MANY, STEPS = FEW + 4, 8
ORACLES: list[tuple[Optimizer, Callable[[list[Tensor]], torch.optim.Optimizer]]] = [
    (Adam(lr=0.1, weight_decay=0.2), lambda p: TorchAdam(p, 0.1, weight_decay=0.2, fused=True)),
    (Adamw(lr=0.1), lambda p: TorchAdamw(p, 0.1, weight_decay=0.01, fused=True)),
    (
        Sgd(lr=0.001, momentum=0.4, weight_decay=0.2, nesterov=True),
        lambda p: SGD(p, 0.001, momentum=0.4, weight_decay=0.2, nesterov=True),
    ),
]


def fresh() -> list[Parameter]:
    """Heads: a weight and a bias each, and one tensor that is like no other."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(7, 2), *([(3, 2), (3,)] * MANY)]
    return [Parameter(torch.randn(shape, generator=generator)) for shape in shapes]


def stacked(parameters: Sequence[Parameter], step: int) -> Tensor:
    """All heads in one product, so that their gradients are in a row too."""
    weights, biases = torch.stack(tuple(parameters[1::2])), torch.stack(tuple(parameters[2::2]))
    return (weights.sin() @ parameters[0].T).square().sum() + (biases * (step + 1)).cos().sum()


def each(parameters: Sequence[Parameter], step: int) -> Tensor:
    """One after another; and some of them not at all, in some steps."""
    total = parameters[0].square().sum()
    for place, parameter in enumerate(parameters[1:]):
        if step % 2 or place not in (4, 5, 11):
            total = total + (parameter * (place + step)).sin().sum()
    return total


def mixed(parameters: Sequence[Parameter], step: int) -> Tensor:
    """Now so and now so, and both: so some have had more updates than others."""
    if step % 3 == 0:
        return stacked(parameters, step)
    return (
        each(parameters, step) if step % 3 == 1 else stacked(parameters, step) + parameters[3].sum()
    )


@pytest.mark.parametrize("loss", [stacked, each, mixed])
@pytest.mark.parametrize(("ours", "theirs"), ORACLES, ids=lambda each: type(each).__name__)
def test_they_take_the_steps_of_torchs_own(
    ours: Optimizer,
    theirs: Callable[[list[Tensor]], torch.optim.Optimizer],
    loss: Callable[[Sequence[Parameter], int], Tensor],
) -> None:
    one, other = fresh(), fresh()
    updates, oracle = Updates(ours, one, STEPS, one), theirs(list(other))
    for step in range(STEPS):
        for parameters, by in ((one, updates), (other, oracle)):
            by.zero_grad()
            loss(parameters, step).backward()  # type: ignore[no-untyped-call]
            by.step()
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
    if ours.counts:
        counts = [float(count) for count in updates.state_dict()["counts"]]
        skipped = set() if loss is stacked else {place + 1 for place in (4, 5, 11)}
        assert {k for k, count in enumerate(counts) if count < STEPS} == skipped


@pytest.mark.parametrize("ours", [Adam(lr=0.1), Sgd(lr=0.001)])
def test_a_stage_that_is_taken_up_again_goes_on_to_the_bit(ours: Optimizer) -> None:
    """Saved where parameters have had unequally many updates."""
    ends = []
    for stopped in (None, 4):
        parameters = fresh()
        updates = Updates(ours, parameters, STEPS, parameters)
        for step in range(STEPS):
            if step == stopped:
                kept = [parameter.detach().clone() for parameter in parameters]
                saved = updates.state_dict()
                parameters = [Parameter(each) for each in kept]
                updates = Updates(ours, parameters, STEPS, parameters)
                updates.load_state_dict(saved)
            updates.zero_grad()
            mixed(parameters, step).backward()  # type: ignore[no-untyped-call]
            updates.step()
        ends.append(parameters)
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


class Watched(Adam):
    """Notes how many tensors each update is of."""

    def update(self, trained: Trained, lr: float) -> None:
        SEEN.append(len(trained.parameters))
        super().update(trained, lr)


SEEN: list[int] = []


def test_many_are_updated_as_a_few() -> None:
    SEEN.clear()
    parameters = fresh()
    updates = Updates(Watched(), parameters, STEPS, parameters)
    for loss in (stacked, stacked, each):
        updates.zero_grad()
        loss(parameters, 2).backward()  # type: ignore[no-untyped-call]
        updates.step()
    assert SEEN == [3, 3, 1 + 2 + 3]  # a weight and two biases have no gradient in the last


def test_where_none_may_be_moved_they_take_torchs_steps_to_the_bit() -> None:
    one, other = fresh(), fresh()
    updates, oracle = (
        Updates(Adam(lr=0.1), one, STEPS),
        TorchAdam(other, 0.1, fused=True),
    )
    for step in range(STEPS):
        for parameters, by in ((one, updates), (other, oracle)):
            by.zero_grad()
            stacked(parameters, step).backward()  # type: ignore[no-untyped-call]
            by.step()
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_run_ends_where_there_is_no_gradient_or_another_count() -> None:
    parameters = [Parameter(torch.zeros(2, 3)) for _ in range(MANY)]
    (row,) = rows(parameters, parameters, ())
    assert list(row.runs()) == []

    gradients = torch.randn(MANY, 3, 2).transpose(1, 2)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    ((which, one),) = row.runs()
    assert which == slice(0, MANY)
    assert torch.equal(one, gradients)

    parameters[6].grad = None
    row.made[3] = 1
    found = [(which.start, which.stop) for which, _ in row.runs()]
    assert found == [(0, 3), (3, 4), (4, 6), (7, MANY)]


def test_what_the_leaf_has_is_added_to_what_each_has() -> None:
    parameters = [Parameter(torch.zeros(2, 3)) for _ in range(MANY)]
    (row,) = rows(parameters, parameters, ())
    row.leaf.grad = torch.randn(MANY, 3, 2).transpose(1, 2)
    ((which, one),) = row.runs()
    assert which == slice(0, MANY)
    assert torch.equal(one, row.leaf.grad)
    assert one.stride() == row.values.stride()

    parameters[4].grad = torch.randn(2, 3)
    expected = row.leaf.grad.clone()
    expected[4] += parameters[4].grad
    row.made[3] = 1
    found = list(row.runs())
    assert [(which.start, which.stop) for which, _ in found] == [(0, 3), (3, 4), (4, MANY)]
    assert torch.equal(torch.cat([part for _, part in found]), expected)

    row.zero_grad()
    assert list(row.runs()) == []


def test_the_leaf_is_the_parameters_whatever_is_written_into_them() -> None:
    model = torch.nn.Sequential(*(torch.nn.Linear(3, 2) for _ in range(MANY)))
    weights, biases = rows(list(model.parameters()), model.parameters(), ())
    restored = {name: torch.randn_like(tensor) for name, tensor in model.state_dict().items()}
    model.load_state_dict(restored)
    for row, part in ((weights, "weight"), (biases, "bias")):
        expected = torch.stack([restored[f"{k}.{part}"] for k in range(MANY)])
        assert torch.equal(row.leaf, expected)
        assert torch.equal(row.values, expected)


@pytest.mark.parametrize(("ours", "theirs"), ORACLES)
def test_updates_from_the_leaf_are_torchs_own(
    ours: Optimizer, theirs: Callable[[list[Tensor]], torch.optim.Optimizer]
) -> None:
    """The loss through the leaves in all but one step, a penalty through some parameters in some,
    and in one step no gradient at all for the heads."""
    one, other = fresh(), fresh()
    updates, oracle = Updates(ours, one, STEPS, one), theirs(list(other))
    leaves = {len(leaf.shape): leaf for _, leaf in updates.leaves()}
    for step in range(STEPS):
        for parameters, by in ((one, updates), (other, oracle)):
            by.zero_grad()
            total = parameters[0].square().sum()
            if step == 5:
                total = total + each(parameters, step)
            elif step != 2:
                W, b = leaves[3], leaves[2]
                if parameters is other:
                    W, b = torch.stack(tuple(other[1::2])), torch.stack(tuple(other[2::2]))
                total = total + (W.sin() @ parameters[0].T).square().sum() + (b * step).cos().sum()
            if step % 3 == 0:
                total = total + parameters[7].square().sum() + parameters[8].exp().sum()
            total.backward()  # type: ignore[no-untyped-call]
            by.step()
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_values_and_names_stay_and_a_few_or_large_ones_stay_where_they_are() -> None:
    model = torch.nn.Sequential(*(torch.nn.Linear(3, 2) for _ in range(MANY)))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    kept = list(model.parameters())
    assert len(rows(kept, kept, ("mean",))) == 2
    assert all(a is b for a, b in zip(kept, model.parameters(), strict=True))
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())

    for number, size, among in ((FEW, 2, MANY), (MANY, SMALL + 1, MANY), (MANY, 2, FEW)):
        others = [Parameter(torch.zeros(size)) for _ in range(number)]
        assert rows(others, others[:among], ()) == []
