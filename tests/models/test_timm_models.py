import importlib.util

import pytest
import timm
import torch
from torch import nn

from tlrun.core.errors import UserError
from tlrun.models.timm_models import ORDERS, config_of, create, width_of

SEQUENTIAL = ["resnet10t", "seresnet18", "mobilenetv3_small_050", "efficientnet_es_pruned"]
PLAIN = ["vit_tiny_patch16_224", "convnext_atto"]


@pytest.mark.parametrize("name", SEQUENTIAL + PLAIN)
def test_phi_is_timms_model_without_its_classifier(name: str) -> None:
    options = {"img_size": (64, 64)} if name.startswith("vit") else {}
    torch.manual_seed(3)
    model = timm.create_model(name, num_classes=0, **options).eval()
    torch.manual_seed(3)
    phi = create(name, (3, 64, 64)).eval()
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        expected, z = model(x), phi(x)

    torch.testing.assert_close(z, expected, rtol=0, atol=1e-6)
    assert z.shape[1] == width_of(name, (3, 64, 64))
    assert isinstance(phi, nn.Sequential) == (name in SEQUENTIAL)


def test_every_order_is_compared() -> None:
    models = [timm.create_model(name, num_classes=0) for name in SEQUENTIAL]

    assert {f"{type(m).__module__}.{type(m).__qualname__}" for m in models} == set(ORDERS)


def test_a_width_draws_nothing() -> None:
    width_of.cache_clear()
    before = torch.get_rng_state()
    width_of("resnet10t", (3, 40, 40))

    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.slow
def test_a_model_that_needs_its_weights_in_memory_has_a_width_too() -> None:
    assert width_of("vitamin_small_224", (3, 224, 224)) == 384


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("resnet10", r"found 'resnet10'; did you mean .*resnet10t.* \(timm.list_models\(\)"),
        ("hf_hub:someone/something", "a model of timm, found 'hf_hub:someone/something'"),
        ("resnet10t.x", "weights of resnet10t after the dot, found 'resnet10t.x'; one of: .*c3"),
    ],
)
def test_an_unknown_model_is_refused_in_a_line(name: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as refused:
        config_of(name)

    assert len(refused.value.lines) == 1


def test_an_image_that_is_too_small_is_refused_in_a_line() -> None:
    with pytest.raises(UserError, match=r"images that vgg11 can take, found 8x8 \(.*\); take") as r:
        width_of("vgg11", (3, 8, 8))

    assert len(str(r.value).splitlines()) == 1


def test_without_timm_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tlrun.models.timm_models.find_spec", lambda name: None)

    assert importlib.util.find_spec("timm")
    with pytest.raises(
        UserError, match=r"timm, found it is not installed; pip install 'tl-run\[ti"
    ):
        config_of("resnet10t")


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_each_module_with_a_weight_leaves_its_input_as_it_is(name: str) -> None:
    """So what comes before a block can be computed once, and used in every step."""
    phi = create(name, (3, 64, 64)).train()
    assert isinstance(phi, nn.Sequential)
    x = torch.randn(2, 3, 64, 64)
    for module in phi:
        before = x.clone()
        z = module(x)
        if any(parameter.ndim > 1 for parameter in module.parameters()):
            assert torch.equal(x, before)
        x = z.detach()
