"""φ is torchvision's own model without its last layer, to the bit."""

import pytest
import torch
from torch import nn
from torchvision import models

from tlrun.models.backbones.torchvision import Torchvision
from tlrun.models.torchvision_layers import FAMILIES, family_of, renewed
from tlrun.models.torchvision_models import MODELS

QUICK = {
    "resnet18": 32,
    "densenet121": 32,
    "mobilenet_v2": 32,
    "mobilenet_v3_small": 32,
    "efficientnet_b0": 32,
    "mnasnet0_5": 32,
    "regnet_y_400mf": 32,
    "shufflenet_v2_x0_5": 32,
    "squeezenet1_1": 32,
    "googlenet": 32,
}
SLOW = {
    "resnext50_32x4d": 32,
    "wide_resnet50_2": 32,
    "alexnet": 63,
    "vgg11": 32,
    "vgg11_bn": 32,
    "efficientnet_v2_s": 32,
    "convnext_tiny": 32,
    "inception_v3": 75,
    "vit_b_32": 64,
    "swin_t": 32,
    "swin_v2_t": 32,
    "maxvit_t": 224,
}
CASES = [*QUICK.items(), *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW.items())]


def untouched(name: str, size: int) -> nn.Module:
    options: dict[str, object] = {"image_size": size} if name.startswith("vit") else {}
    if name in ("googlenet", "inception_v3"):  # with the heads that a published file has
        options = {"aux_logits": True, "init_weights": False}
    model: nn.Module = models.get_model(name, weights=None, **options)
    return model.eval()


def last_layer(model: nn.Module) -> str:
    """Its name: that of the last layer with a thousand outputs, one a class of ImageNet."""
    found = ""
    for name, module in model.named_modules():
        outputs = getattr(module, "out_features", getattr(module, "out_channels", 0))
        if outputs == 1000 and "aux" not in name:
            found = name
    return found


@pytest.mark.parametrize(("name", "size"), CASES)
def test_phi_is_the_model_with_identity_as_its_last_layer(name: str, size: int) -> None:
    spec = Torchvision(name)
    model, phi = untouched(name, size), spec.build((3, size, size)).eval()
    spec.load_weights(phi, model.state_dict())
    model.set_submodule(last_layer(model), nn.Identity())
    x = torch.randn(2, 3, size, size)
    with torch.no_grad():
        expected, z = model(x), phi(x)

    assert z.shape == (2, spec.width((3, size, size)))
    torch.testing.assert_close(z, expected, rtol=0, atol=1e-6)
    assert isinstance(phi, nn.Sequential) == bool(family_of(name).order)


def test_every_family_is_compared() -> None:
    families = {id(family) for family in FAMILIES.values()}

    assert {id(family_of(name)) for name in (*QUICK, *SLOW)} == families
    assert all(family_of(name) for name in MODELS)


@pytest.mark.parametrize(("name", "size"), CASES)
def test_each_module_with_a_weight_leaves_its_input_as_it_is(name: str, size: int) -> None:
    """So what comes before a block can be computed once, and used in every step."""
    phi = Torchvision(name).build((3, size, size)).train()
    x = torch.randn(2, 3, size, size)
    for module in phi if isinstance(phi, nn.Sequential) else [phi]:
        before = x.clone()
        z = module(x)
        if any(parameter.ndim > 1 for parameter in module.parameters()):
            assert torch.equal(x, before)
        x = z.detach()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (
            "features.denseblock1.denselayer2.norm.1.weight",
            "features.denseblock1.denselayer2.norm1.weight",
        ),
        (
            "encoder.layers.encoder_layer_0.mlp.linear_2.bias",
            "encoder.layers.encoder_layer_0.mlp.3.bias",
        ),
        ("features.norm0.weight", "features.norm0.weight"),
        ("layer1.0.conv1.weight", "layer1.0.conv1.weight"),
    ],
)
def test_files_of_any_age_have_the_names_of_today(old: str, new: str) -> None:
    assert renewed(old) == new
