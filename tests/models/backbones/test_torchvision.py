import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torchvision import models

from tlrun.core.errors import UserError
from tlrun.models.backbone import Pixels, takes
from tlrun.models.backbones.torchvision import Torchvision

from properties import assert_same_bits


def test_an_unknown_model_is_refused_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"backbone.model: .* found 'resnet19'; did you mean resne"):
        Torchvision("resnet19")


@pytest.mark.parametrize(
    ("model", "shape", "words"),
    [
        ("vgg11", (3, 31, 64), "at least 32x32 pixels for vgg11, found 31x64"),
        ("vit_b_16", (3, 40, 40), "square images of a multiple of 16 pixels .*, found 40x40"),
        ("vit_b_16", (3, 32, 64), "square images of a multiple of 16 pixels .*, found 32x64"),
        ("resnet18", (64,), "try backbone=mlp"),
    ],
)
def test_images_that_do_not_fit_are_refused(model: str, shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(UserError, match=words) as refused:
        Torchvision(model).width(shape)

    assert len(refused.value.lines) == 1


def test_what_the_rest_of_the_house_asks() -> None:
    spec = Torchvision()

    assert takes(spec) == ("image",)
    assert spec.pixels == Pixels((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    assert Torchvision("efficientnet_v2_l").pixels == Pixels((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
    assert (spec.smallest_batch, Torchvision("convnext_tiny").smallest_batch) == (2, 1)
    assert spec.width((1, 8, 8)) == 512


def test_a_smallest_batch_of_the_smallest_images_can_be_trained_on() -> None:
    z = Torchvision().build((3, 1, 1)).train()(torch.randn(2, 3, 1, 1))

    assert z.shape == (2, 512)


def test_weights_are_a_path_or_a_published_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    named = Torchvision(weights="DEFAULT").weights_file()
    kept = Torchvision(weights="DEFAULT", download=False).weights_file()
    path = Torchvision(weights="some/file.pth").weights_file()

    assert Torchvision().weights_file() is None
    assert named is not None
    assert kept is not None
    assert path is not None
    assert named.path == tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    assert named.url == "https://download.pytorch.org/models/resnet18-f37072fd.pth"
    assert named.sha256 == "f37072fd"
    assert (kept.path, kept.url, kept.sha256) == (named.path, "", "f37072fd")
    assert "backbone.download=true" in kept.hint
    assert (path.path, path.url, path.sha256) == (Path("some/file.pth"), "", "")


@pytest.mark.parametrize("variable", ["TORCH_HOME", "XDG_CACHE_HOME", "HOME"])
def test_published_weights_are_where_torch_looks_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    file = Torchvision(weights="DEFAULT").weights_file()

    assert file is not None
    assert file.path.parent == Path(torch.hub.get_dir()) / "checkpoints"


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        UserError, match=r"backbone.weights: .* found 'IMAGENET'; .*IMAGENET1K_V1, DEFAULT"
    ):
        Torchvision(weights="IMAGENET").weights_file()


def test_weights_of_another_model_are_refused_in_a_line() -> None:
    tensors = models.resnet34(weights=None).state_dict()

    with pytest.raises(UserError, match=r"the 120 tensors of resnet18, found \d+ unexp") as refused:
        Torchvision().load_weights(Torchvision().build((3, 32, 32)), tensors)
    assert len(refused.value.lines) == 1


def test_weights_do_not_decide_which_network_is_drawn() -> None:
    """Of googlenet and inception torchvision builds another one with weights than without."""
    torch.manual_seed(0)
    fresh = Torchvision("googlenet").build((3, 32, 32))
    torch.manual_seed(0)
    trained = Torchvision("googlenet", weights="DEFAULT").build((3, 32, 32))

    assert_same_bits(fresh.state_dict(), trained.state_dict())
    assert not fresh.transform_input
    assert not trained.transform_input


def test_a_plan_needs_no_torch() -> None:
    program = """
import sys
from tlrun.models.backbones.torchvision import Torchvision
spec = Torchvision(weights="DEFAULT")
assert spec.width((3, 32, 32)) == 512 and spec.pixels and spec.weights_file()
print(sorted({"torch", "torchvision", "numpy"} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
