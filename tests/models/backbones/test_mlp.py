import pytest
import torch

from tlrun.models.backbones.mlp import Mlp


@pytest.mark.parametrize("norm", ["none", "batch"])
def test_features_have_the_last_width_and_are_not_negative(norm: str) -> None:
    spec = Mlp(hidden=(7, 5), norm=norm)  # type: ignore[arg-type]
    module, features = spec.build((1, 4, 4)), spec.width((1, 4, 4))
    z = module(torch.randn(6, 1, 4, 4))

    assert features == 5
    assert z.shape == (6, 5)
    assert (z >= 0).all()
    assert any(name.endswith("running_mean") for name, _ in module.named_buffers()) == (
        norm == "batch"
    )
