from pathlib import Path

import pytest
import timm
import torch

from tlrun.core.errors import UserError
from tlrun.models.backbone import Pixels, takes
from tlrun.models.backbones.timm import Timm


def test_what_the_rest_of_the_house_asks() -> None:
    spec = Timm()

    assert takes(spec) == ("image",)
    assert spec.smallest_batch == 2
    assert spec.pixels == Pixels((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert Timm("vit_tiny_patch16_224").pixels == Pixels((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert spec.width((1, 32, 32)) == spec.width((3, 32, 32)) == 512
    assert spec.build((3, 32, 32))(torch.randn(2, 3, 32, 32)).shape == (2, 512)


def test_weights_are_a_path() -> None:
    file = Timm(weights="some/file.pth").weights_file()

    assert Timm().weights_file() is None
    assert file is not None
    assert (file.path, file.url) == (Path("some/file.pth"), "")


@pytest.mark.parametrize("name", ["resnet10t", "vit_tiny_patch16_224", "mobilenetv3_small_050"])
def test_a_file_of_the_whole_model_fills_it(name: str) -> None:
    model = timm.create_model(name, num_classes=5).eval()
    spec = Timm(name)
    phi = spec.build((3, 224, 224)).eval()
    spec.load_weights(phi, model.state_dict())
    model.reset_classifier(0)
    x = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        torch.testing.assert_close(phi(x), model(x), rtol=0, atol=1e-6)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UserError, match="try backbone=mlp"):
        Timm().width((64,))
    with pytest.raises(UserError, match=r"backbone.model: .* did you mean"):
        Timm("resnet10").width((3, 32, 32))
