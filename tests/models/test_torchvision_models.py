"""The static table is what torchvision is."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torchvision import models

from tlrun.models.backbones.torchvision import Torchvision
from tlrun.models.timm_models import OnMeta
from tlrun.models.torchvision_models import IMAGENET_DEVIATION, IMAGENET_MEAN, MODELS, normalisation

# one of each family is quick
QUICK = (
    "alexnet",
    "densenet121",
    "efficientnet_b0",
    "googlenet",
    "mnasnet0_5",
    "mobilenet_v3_small",
    "regnet_y_400mf",
    "resnet18",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
    "swin_t",
    "vgg11_bn",
    "vit_b_32",
)
CASES = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in MODELS]


def without_memory(name: str, size: int) -> nn.Module:
    with OnMeta():
        return Torchvision(name).build((3, size, size)).eval().to("meta")


def asked(phi: nn.Module, size: int) -> torch.Tensor:
    with torch.no_grad():
        z: torch.Tensor = phi(torch.empty(2, 3, size, size, device="meta"))
    return z


def test_every_model_is_known() -> None:
    assert list(MODELS) == models.list_models(module=models)


@pytest.mark.parametrize("name", CASES)
def test_width_smallest_image_and_batch_are_true(name: str) -> None:
    known = MODELS[name]
    phi = without_memory(name, known.smallest)

    assert asked(phi, known.smallest).shape == (2, known.width)
    assert known.batch == (2 if any(isinstance(m, _BatchNorm) for m in phi.modules()) else 1)
    if known.smallest > 1 and not known.square:
        with pytest.raises(RuntimeError):
            asked(phi, known.smallest - 1)


@pytest.mark.parametrize("name", [name for name, known in MODELS.items() if known.square])
def test_a_square_model_takes_no_size_between(name: str) -> None:
    # maxvit names the error by itself; a vision transformer asserts
    with pytest.raises((ValueError, AssertionError)):
        without_memory(name, MODELS[name].square + 1)


def test_the_inception_models_expect_what_torchvision_makes_of_its_images() -> None:
    """With weights they turn images that are normalised as all others into those in [-1, 1]."""
    images = torch.rand(2, 3, 4, 4)
    mean, deviation = (torch.tensor(v).view(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_DEVIATION))
    model = models.googlenet(weights=None, init_weights=False, transform_input=True)

    (ours, scale) = (torch.tensor(v).view(3, 1, 1) for v in normalisation("googlenet"))
    theirs = model._transform_input((images - mean) / deviation)
    torch.testing.assert_close((images - ours) / scale, theirs)
    assert normalisation("inception_v3") == normalisation("googlenet")


def test_every_model_is_normalised_as_its_weights_expect() -> None:
    for name in MODELS.keys() - {"googlenet", "inception_v3"}:
        weights: Any = models.get_model_weights(name).DEFAULT
        transforms = weights.transforms()

        assert normalisation(name) == (tuple(transforms.mean), tuple(transforms.std)), name
