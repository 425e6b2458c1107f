"""The protocol of a backbone φ, and what is settled when a model is built."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

from tlrun.core.errors import Mistake, UserError
from tlrun.core.inputs import InputSpec, Kind
from tlrun.core.options import name_of_class

if TYPE_CHECKING:
    from torch import nn


# What each task of a domain has for itself; see `model.Model`.
TaskSpecific = Literal["nothing", "biases", "heads", "towers"]
# What of φ a stage trains beside the heads: everything, nothing (`head`), its last or first block,
# or the layers that normalise; see `models/blocks.py`.
TrainedPart = Literal["all", "head", "last", "first", "norm"]
# What becomes one vector of those at the places of a text: their mean, their maximum or the last.
Pooling = Literal["mean", "max", "last"]


@dataclass(frozen=True)
class Pixels:
    """What a pretrained φ expects of its images x, a channel at a time: (x - mean) / deviation.

    x is in [0, 1]: a byte is divided by 255 first. channels: of its images; grey ones are repeated.
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    channels: int = 3


@dataclass(frozen=True)
class WeightsFile:
    """Where the pretrained weights of a φ are.

    path: of a .safetensors file, or of what torch.save wrote. sha256: what its digest begins with,
    in hex; empty where any will do. url: where it is downloaded from if it is not there; empty:
    nowhere. name: what the user calls it. hint: what to do where it is missing.
    """

    path: Path
    sha256: str = ""
    url: str = ""
    name: str = ""
    hint: str = ""


class Backbone(Protocol):
    """φ as a specification: a frozen dataclass whose fields are its YAML options.

    learns: whether φ has parameters.

    More members are optional.
    takes: ClassVar[Collection[Kind]], the kinds of inputs that it can read; without it, vectors and
        images.
    widths: ClassVar[str], the option that lists the outputs of its weight layers, in order:
        structure transfer can then build a narrower one.
    smallest_batch: int (a property, where options decide it), the fewest examples of a domain that
        an update may draw for it, such as 2 with BatchNorm; without it, 1.
    pixels: Pixels (a property), what is done to images before its first layer; without it, bytes
        are divided by 255, and grey is not repeated.
    weights_file() -> WeightsFile | None: where its pretrained weights are; None, or no such method:
        it has none. Raises UserError where the options that say so are wrong.
    load_weights(phi, tensors): fill the module that `build` gave with tensors by the names that
        they have in the file, less a classifier's; without it, by the names in φ. Raises UserError
        where they do not fit.
    libraries: ClassVar[Collection[str]], packages whose versions decide its results too.
    places: ClassVar[Collection[str]], the options that say where weights are: a run is known by
        their digest, wherever they were read.
    read() -> Mapping[str, Any]: what beside options and weights decides φ, of files that it reads,
        as JSON can hold it. A run is known by it too. Raises UserError where they are not there.
    fresh() -> Backbone: the same without pretrained weights; without it, `weights=None` is.
    slow: ClassVar[bool], whether it is so slow that several tasks learn heads alone on it where the
        user does not say what is trained.
    tokenizer: str (a property), what `dataset.tokenizer` has to be, where φ knows one vocabulary.
    longest: int (a property), of how many tokens a text may be; without it, of any number.
    """

    learns: ClassVar[bool]

    def width(self, shape: tuple[int, ...]) -> int:
        """d, the width of z [B, d], for inputs of `shape` (without the batch).

        Raises UserError where φ cannot take inputs of that shape.
        """

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """φ, from [B, *shape] to [B, d], with fresh weights from torch's global generator.

        Of texts, `shape` is (V,), the size of the vocabulary, and φ takes ids, int32 [B, L], of any
        L, padded with 0 at the ends of texts.

        An nn.Sequential can be trained in part and computed in part: each of its modules with a
        weight tensor begins a block, which the modules after it without one belong to. shape: of
        images as `pixels` hands them on.
        """


def shape_for(backbone: Backbone, inputs: InputSpec) -> tuple[int, ...]:
    """The shape of an input as φ's first layer gets it: grey images repeated where φ wants so.

    Of texts, (V,), the size of the vocabulary.

    Raises UserError for images of as many channels as it cannot take, and for longer texts.
    """
    pixels = pixels_of(backbone, inputs)
    if inputs.kind == "tokens":
        longest = getattr(backbone, "longest", inputs.shape[0])
        if inputs.shape[0] > longest:
            raise too_long(longest, inputs.shape[0])
        return (inputs.vocabulary,)
    if pixels is None:
        return inputs.shape
    if inputs.shape[0] not in (1, pixels.channels):
        expected = f"images of 1 or {pixels.channels} channels for {name_of_class(type(backbone))}"
        raise UserError(Mistake("backbone", expected, inputs.words))
    return (pixels.channels, *inputs.shape[1:])


def too_long(longest: int, found: int) -> UserError:
    """What is said of texts of more tokens than a backbone has places for."""
    expected = f"texts of at most {longest} tokens for this backbone"
    return UserError(Mistake("dataset.max_tokens", expected, str(found), f"try {{key}}={longest}"))


def pixels_of(backbone: Backbone, inputs: InputSpec) -> Pixels | None:
    """What a backbone wants done to such inputs before its first layer; None: nothing."""
    wanted: Pixels | None = getattr(backbone, "pixels", None)
    return wanted if inputs.kind == "image" else None


def width(backbone: Backbone, inputs: InputSpec) -> int:
    """d, the width of z for such inputs. Raises UserError where φ cannot take them."""
    return backbone.width(shape_for(backbone, inputs))


def takes(backbone: Backbone | type) -> Collection[Kind]:
    """The kinds of inputs that a backbone, or a class of them, can read.

    If it does not say, they are all that hold numbers: ids of tokens are none.
    """
    every: Collection[Kind] = ("vector", "image")
    return getattr(backbone, "takes", every)


def without_weights(backbone: Backbone) -> Backbone:
    """The same backbone as it is without pretrained weights, where it has an option for them."""
    if weights_file_of(backbone) is None or not hasattr(backbone, "weights"):
        return backbone
    if hasattr(backbone, "fresh"):
        fresh: Backbone = backbone.fresh()
        return fresh
    return replace(backbone, weights=None)  # type: ignore[type-var]  # every one is a dataclass


def weights_file_of(backbone: Backbone) -> WeightsFile | None:
    """Where the pretrained weights of a backbone are; None where it has none. Raises UserError."""
    find = getattr(backbone, "weights_file", None)
    found: WeightsFile | None = find() if find else None
    return found


@dataclass(frozen=True)
class Given:
    """What is settled when a stage is built.

    backbone: φ as configured. inputs: what one input is. outputs: k of every head. seed: the run's.
    """

    backbone: Backbone
    inputs: InputSpec
    outputs: tuple[int, ...]
    seed: int
