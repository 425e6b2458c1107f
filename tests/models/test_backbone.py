"""What a backbone says of itself, and what is taken for granted where it says nothing."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from tlrun.core.errors import UserError
from tlrun.core.inputs import InputSpec
from tlrun.models.backbone import (
    Pixels,
    WeightsFile,
    pixels_of,
    shape_for,
    takes,
    weights_file_of,
    width,
    without_weights,
)
from tlrun.models.backbones.conv import Conv
from tlrun.models.backbones.mlp import Mlp

PIXELS = Pixels((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True)
class Colour(Conv):
    """A backbone that wants colour, and has weights."""

    pixels: ClassVar[Pixels] = PIXELS

    def weights_file(self) -> WeightsFile | None:
        """Always the same."""
        return WeightsFile(Path("weights.pth"))


def test_a_backbone_takes_what_it_says_or_anything() -> None:
    assert set(takes(Conv())) == {"image"}
    assert set(takes(Conv)) == {"image"}
    assert set(takes(Mlp())) == {"vector", "image"}


def test_weights_are_where_it_says_or_nowhere() -> None:
    assert weights_file_of(Colour()) == WeightsFile(Path("weights.pth"))
    assert weights_file_of(Conv()) is None


@pytest.mark.parametrize("channels", [1, 3])
def test_a_backbone_that_wants_colour_gets_it(channels: int) -> None:
    spec = InputSpec((channels, 8, 8))

    assert pixels_of(Colour(), spec) is PIXELS
    assert shape_for(Colour(), spec) == (3, 8, 8)
    assert width(Colour(), spec) == Conv().width((3, 8, 8))
    assert shape_for(Conv(), spec) == spec.shape


def test_two_channels_are_neither_grey_nor_colour() -> None:
    with pytest.raises(UserError, match="images of 1 or 3 channels for colour, found images of 2x"):
        width(Colour(), InputSpec((2, 8, 8)))


def test_vectors_have_no_pixels() -> None:
    assert pixels_of(Colour(), InputSpec((8,))) is None


@dataclass(frozen=True)
class Reader(Mlp):
    """A backbone that reads texts of few tokens."""

    weights: str | None = "published"

    @property
    def longest(self) -> int:
        """Whatever it is."""
        return 8

    def weights_file(self) -> WeightsFile | None:
        """Always the same, where it is asked for any."""
        return WeightsFile(Path("weights.pth")) if self.weights else None


@dataclass(frozen=True)
class Renewed(Reader):
    """One that says itself what it is without weights."""

    def fresh(self) -> "Renewed":
        """Of another size."""
        return Renewed(hidden=(2,), weights=None)


def test_longer_texts_than_it_can_read_are_refused() -> None:
    assert shape_for(Reader(), InputSpec((8,), "int32", 30)) == (30,)
    assert shape_for(Mlp(), InputSpec((9,), "int32", 30)) == (30,)
    with pytest.raises(
        UserError, match=r"max_tokens: .* at most 8 tokens .* found 9; try dataset.max_tokens=8"
    ):
        shape_for(Reader(), InputSpec((9,), "int32", 30))


def test_without_weights_it_is_what_it_says_or_has_none() -> None:
    assert without_weights(Reader()) == Reader(weights=None)
    assert without_weights(Renewed()) == Renewed(hidden=(2,), weights=None)
    assert without_weights(Renewed(weights=None)) == Renewed(weights=None)
    assert without_weights(Conv()) == Conv()
