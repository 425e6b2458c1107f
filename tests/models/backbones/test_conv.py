import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

from tlrun.core.errors import UserError
from tlrun.models.backbones.conv import Conv


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 14)])
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_features_have_the_promised_width(shape: tuple[int, int, int], norm: str) -> None:
    spec = Conv(channels=(4, 6), norm=norm)  # type: ignore[arg-type]
    module, features = spec.build(shape), spec.width(shape)

    assert module(torch.randn(5, *shape)).shape == (5, features)
    assert features == 6 * (shape[1] // 4) * (shape[2] // 4)


def test_relu_after_the_pool_is_the_textbook_order() -> None:
    module = Conv(channels=(4,)).build((1, 8, 8))
    x = torch.randn(3, 1, 8, 8)
    conv = next(layer for layer in module.modules() if isinstance(layer, nn.Conv2d))

    textbook = F.max_pool2d(F.relu(F.conv2d(x, conv.weight, conv.bias, padding=1)), 2).flatten(1)

    assert torch.equal(module(x), textbook)


def test_too_many_layers_are_refused() -> None:
    assert Conv(channels=(2, 2, 2)).width((1, 8, 8)) == 2
    with pytest.raises(
        UserError, match=r"backbone.channels: expected at most 3 layers for images of 8x8, found 4"
    ):
        Conv(channels=(2, 2, 2, 2)).width((1, 8, 8))
