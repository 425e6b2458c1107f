import pytest
import torch
from torch import nn

from tlrun.core.errors import UserError
from tlrun.models.pretrained import file_at, fill, image_size, is_path


def phi() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))


def test_an_image_has_a_size() -> None:
    assert image_size((1, 8, 9), "it") == (8, 9)
    assert image_size((3, 8, 9), "it", smallest=8) == (8, 9)


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((64,), r"expected images \(C, H, W\) for it, found inputs of shape \(64,\); try backbone"),
        ((4, 8, 8), "expected images of 1 or 3 channels for it, found 4 channels"),
        ((3, 40, 31), "at least 32x32 pixels for it, found 40x31; take larger .* backbone.model"),
    ],
)
def test_other_inputs_are_refused(shape: tuple[int, ...], words: str) -> None:
    with pytest.raises(UserError, match=words):
        image_size(shape, "it", smallest=32)


def test_a_path_is_told_from_a_name() -> None:
    assert all(map(is_path, ("a/b", "r.pth", "r.pt", "r.safetensors", "r.bin", "C:\\weights")))
    assert not any(map(is_path, ("DEFAULT", "IMAGENET1K_V1", "imagenet", "pth")))
    assert file_at("~/x.pth").path.is_absolute()
    assert file_at("~/x.pth").name == "~/x.pth"
    with pytest.raises(UserError, match=r"backbone.weights: .* found ~nobody-here/x.pth, nobody's"):
        file_at("~nobody-here/x.pth")


def test_every_tensor_is_copied_and_the_classifier_left_out() -> None:
    tensors = phi().state_dict() | {"fc.weight": torch.ones(2)}
    filled = phi()
    fill(filled, tensors, "it", left_out=["fc."])

    assert all(torch.equal(tensor, tensors[name]) for name, tensor in filled.state_dict().items())


def test_names_in_the_file_may_be_others() -> None:
    tensors = {f"net.{name}": tensor for name, tensor in phi().state_dict().items()}
    filled = phi()
    fill(filled, tensors, "it", lambda name: f"net.{name}")

    assert torch.equal(filled.state_dict()["0.weight"], tensors["net.0.weight"])


def test_the_count_of_batches_may_be_missing() -> None:
    tensors = phi().state_dict()
    del tensors["1.num_batches_tracked"]

    fill(phi(), tensors, "it")


def test_what_does_not_fit_is_one_line_and_changes_nothing() -> None:
    tensors = phi().state_dict()
    del tensors["0.bias"]
    tensors |= {"0.weight": torch.ones(8, 3, 3, 3), "extra": torch.ones(1)}
    filled = phi()
    before = {name: tensor.clone() for name, tensor in filled.state_dict().items()}

    with pytest.raises(UserError) as refused:
        fill(filled, tensors, "it")

    assert str(refused.value) == (
        "backbone.weights: expected the 7 tensors of it, found 1 missing (0.bias); "
        "1 unexpected (extra); 1 of another shape (0.weight 8x3x3x3 for 4x3x3x3); "
        "take weights of this model, or the model that they are of"
    )
    assert all(torch.equal(tensor, before[name]) for name, tensor in filled.state_dict().items())


def test_many_names_are_counted() -> None:
    with pytest.raises(UserError, match=r"6 missing \(0\.weight, 0\.bias, 1\.weight, …\)"):
        fill(phi(), {}, "it")
