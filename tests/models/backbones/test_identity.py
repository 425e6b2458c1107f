import torch

from tlrun.models.backbones.identity import Identity


def test_features_are_the_input() -> None:
    module, features = Identity().build((2, 3, 3)), Identity().width((2, 3, 3))
    x = torch.randn(4, 2, 3, 3)

    assert features == 18
    assert torch.equal(module(x), x.reshape(4, 18))
    assert not list(module.parameters())
