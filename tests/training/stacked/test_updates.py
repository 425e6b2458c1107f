from dataclasses import replace

import pytest
import torch

from tlrun.training.optimizers import Adam, Adamw, Optimizer, Sgd, Updates
from tlrun.training.stacked.updates import StackedUpdates

OPTIMIZERS = [Adam(), Adamw(), Sgd(), Sgd(nesterov=True), Sgd(momentum=0.0)]


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)
@pytest.mark.parametrize("decays", [(0.0,) * 6, (0.0, 0.1, 0.0, 1.0, 0.5, 0.01)])
def test_each_slot_moves_as_it_would_alone(optimizer: Optimizer, decays: tuple[float, ...]) -> None:
    """Against torch's own kernels, 30 updates of noise."""
    F, T, shape = 2, 3, (4, 16)
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(F, T, *shape, generator=generator)
    rates = torch.tensor([[0.001, 0.01, 0.1], [0.02, 0.0, 0.3]])
    singles, each = [], []
    for number in range(F * T):
        own = torch.nn.Parameter(weights.view(F * T, *shape)[number].clone())
        lr = float(rates.view(-1)[number])
        singles.append(own)
        each.append(Updates(replace(optimizer, lr=lr, weight_decay=decays[number]), [own], 30))
    gradient = torch.empty_like(weights)
    decay = torch.tensor(decays).view(F, T)
    stacked = StackedUpdates(optimizer, [(weights, gradient)], decay)
    for _ in range(30):
        drawn = torch.randn(F, T, *shape, generator=generator)
        gradient.copy_(drawn)
        stacked.step(rates)
        for own, updates, slope in zip(singles, each, drawn.view(F * T, *shape), strict=True):
            own.grad = slope.clone()
            updates.step()

    assert stacked.made == 30
    for own, slot in zip(singles, weights.view(F * T, *shape), strict=True):
        assert (own - slot).abs().max() <= 1e-6 * own.abs().max()


def test_an_optimizer_of_a_stranger_has_no_stacked_form() -> None:
    class Mine(Adam):
        pass

    weights = torch.zeros(1, 1, 2, 16)
    with pytest.raises(TypeError, match="expected adam, adamw or sgd, found Mine"):
        StackedUpdates(Mine(), [(weights, weights.clone())], torch.zeros(1, 1))
