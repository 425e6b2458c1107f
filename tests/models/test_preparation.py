"""Bytes and floats in [0, 1] of one image are one image to φ."""

import pytest
import torch

from tlrun.models.backbone import Pixels
from tlrun.models.preparation import Preparation

BYTES = torch.randint(0, 256, (4, 3, 5, 6), dtype=torch.uint8)
COLOUR = Pixels((0.4, 0.5, 0.6), (0.2, 0.3, 0.4))


@pytest.mark.parametrize("pixels", [None, COLOUR])
def test_bytes_are_floats_times_255(pixels: Pixels | None) -> None:
    prepare = Preparation(pixels)

    assert torch.equal(prepare(BYTES), prepare(BYTES.double().div(255).float()))


def test_mean_and_deviation_are_of_their_channel() -> None:
    flat = torch.tensor(COLOUR.mean).view(1, 3, 1, 1).expand(2, 3, 4, 4)
    shifted = flat + torch.tensor(COLOUR.deviation).view(1, 3, 1, 1)

    torch.testing.assert_close(Preparation(COLOUR)(flat), torch.zeros(2, 3, 4, 4))
    torch.testing.assert_close(Preparation(COLOUR)(shifted), torch.ones(2, 3, 4, 4))


def test_grey_is_repeated_before_each_channel_is_moved() -> None:
    grey = BYTES[:, :1]

    assert torch.equal(Preparation(COLOUR)(grey), Preparation(COLOUR)(grey.repeat(1, 3, 1, 1)))


def test_mean_and_deviation_are_kept_with_the_weights_and_nothing_else_is() -> None:
    assert set(Preparation(COLOUR).state_dict()) == {"mean", "deviation"}
    assert not Preparation().state_dict()
    assert not list(Preparation(COLOUR).parameters())
