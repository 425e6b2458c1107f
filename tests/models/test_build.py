"""φ takes inputs as they are held, and keeps the names of what a backbone builds."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import nn

from tlrun.core.errors import UserError
from tlrun.core.inputs import InputSpec
from tlrun.models.backbone import Pixels, width
from tlrun.models.backbones.conv import Conv
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import build

from properties import assert_same_bits

BYTES = torch.randint(0, 256, (4, 1, 8, 8), dtype=torch.uint8)


@dataclass(frozen=True)
class Colour(Conv):
    """A backbone that wants colour."""

    pixels: ClassVar[Pixels] = Pixels((0.4, 0.5, 0.6), (0.2, 0.3, 0.4))


class Custom(nn.Module):
    """A φ that is no chain of modules."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(64, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layer(images.flatten(1))
        return found


@dataclass(frozen=True)
class Plain(Mlp):
    """A backbone whose φ is no chain."""

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """One module."""
        return Custom()


@pytest.mark.parametrize("backbone", [Conv(), Mlp(), Plain()])
def test_bytes_give_the_features_of_their_floats(backbone: Conv | Mlp) -> None:
    ours = build(backbone, InputSpec((1, 8, 8), "uint8"))
    torch.manual_seed(0)
    ours = build(backbone, InputSpec((1, 8, 8), "uint8"))
    torch.manual_seed(0)
    plain = build(backbone, InputSpec((1, 8, 8)))

    torch.testing.assert_close(ours(BYTES), plain(BYTES.float() / 255))


def test_what_a_backbone_builds_keeps_its_names_and_weights() -> None:
    torch.manual_seed(0)
    plain = build(Conv(), InputSpec((1, 8, 8)))
    torch.manual_seed(0)
    ours = build(Conv(), InputSpec((1, 8, 8), "uint8"))

    assert_same_bits(ours.state_dict(), plain.state_dict())


def test_grey_images_reach_a_backbone_that_wants_colour_in_its_channels() -> None:
    ours = build(Colour(), InputSpec((1, 8, 8), "uint8"))

    assert ours.get_parameter("0.weight").shape[1] == 3
    assert ours(BYTES).shape == (4, width(Colour(), InputSpec((1, 8, 8), "uint8")))
    with pytest.raises(UserError, match=r"images of 1 or 3 channels for colour, found images of 2"):
        build(Colour(), InputSpec((2, 8, 8)))


def test_pretrained_weights_replace_fresh_ones() -> None:
    spec = InputSpec((1, 8, 8), "uint8")
    weights = {name: t + 1 for name, t in Conv().build((1, 8, 8)).state_dict().items()}

    assert_same_bits(build(Conv(), spec, weights).state_dict(), weights)
