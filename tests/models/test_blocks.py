"""φ in parts: what is trained moves, what is held fixed does not, and can be computed apart."""

from typing import get_args

import pytest
import torch
from torch import nn

from tlrun.core.errors import UserError
from tlrun.models.backbone import TrainedPart
from tlrun.models.backbones.conv import Conv
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.blocks import (
    blocks,
    chain,
    first_free,
    free,
    part,
    set_training_mode,
    tensors_in,
)
from tlrun.models.trunk import Trunk

PARTS: tuple[TrainedPart, ...] = get_args(TrainedPart)
IMAGES = torch.rand(6, 1, 8, 8)


def phi() -> nn.Module:
    """Two blocks of a convolution, BatchNorm, pool and relu, then what flattens."""
    return Conv((4, 5), "batch").build((1, 8, 8))


def moved(module: nn.Module, trained: TrainedPart) -> set[str]:
    """The tensors of φ that a step of training changes, statistics included."""
    free(module, trained)
    set_training_mode(module, trained)
    before = {name: t.clone() for name, t in module.state_dict().items()}
    module(IMAGES).square().sum().backward() if trained != "head" else module(IMAGES)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.grad is not None:
                parameter.sub_(0.1 * parameter.grad.sign() + 0.01)
    return {name for name, t in module.state_dict().items() if not torch.equal(t, before[name])}


STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
FIRST = {"0.weight", "0.bias", "1.weight", "1.bias", *(f"1.{name}" for name in STATISTICS)}
LAST = {"4.weight", "4.bias", "5.weight", "5.bias", *(f"5.{name}" for name in STATISTICS)}
MOVED: dict[TrainedPart, set[str]] = {
    "all": FIRST | LAST,
    "head": set(),
    "first": FIRST,
    "last": LAST,
    "norm": {name for name in FIRST | LAST if name.startswith(("1.", "5."))},
}


@pytest.mark.parametrize("trained", PARTS)
def test_what_is_trained_moves_and_nothing_else(trained: TrainedPart) -> None:
    assert moved(phi(), trained) == MOVED[trained]


def test_a_block_begins_with_each_weight_tensor() -> None:
    assert blocks(phi()) == [slice(0, 4), slice(4, 9)]
    assert blocks(Mlp((3, 2)).build((5,))) == [slice(0, 3), slice(3, 5)]
    assert blocks(nn.Flatten()) == [slice(0, 1)]


@pytest.mark.parametrize("trained", PARTS)
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_what_is_fixed_can_be_computed_apart(trained: TrainedPart, norm: str) -> None:
    """In two parts φ gives what it gives in one, each domain's statistics included."""
    if trained == "norm" and norm == "none":
        return
    trunk = Trunk(Conv((4, 5), norm).build((1, 8, 8)))  # type: ignore[arg-type]  # one of two
    trunk.track(["a", "b"])
    trunk.train()
    trunk(IMAGES + 1, "a")
    trunk.eval()
    whole, cut = trunk(IMAGES, "a"), first_free(trunk.backbone, trained)

    before = trunk.through(IMAGES, "a", cut) if cut else IMAGES
    assert torch.equal(trunk(before, "a", passed=cut), whole)
    assert cut == {"head": len(chain(trunk.backbone)), "last": 4 if norm == "batch" else 3}.get(
        trained, 0
    )


def test_parts_of_phi_keep_the_names_of_their_tensors() -> None:
    module = phi()
    tensors = module.state_dict()

    assert set(tensors_in(module, slice(4, None), tensors)) == LAST
    assert set(part(module, slice(4, None)).state_dict()) == LAST
    assert set(tensors_in(module, slice(4), tensors)) == FIRST
    assert tensors_in(module, slice(None), tensors).keys() == tensors.keys()


@pytest.mark.parametrize(
    ("module", "trained", "found"),
    [
        (Mlp((3,)).build((4,)), "last", "a backbone of several blocks for train=last, found one"),
        (Mlp((3,)).build((4,)), "first", "a backbone of several blocks for train=first, found one"),
        (Mlp((3, 2)).build((4,)), "norm", "layers that normalise for train=norm, found none"),
    ],
)
def test_a_part_that_is_not_there_is_refused(
    module: nn.Module, trained: TrainedPart, found: str
) -> None:
    with pytest.raises(UserError, match=found):
        free(module, trained)
