"""The protocol of a backbone φ, and what is settled when a model is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from torch import nn


# What each task of a domain has for itself; see `model.Model`.
TaskSpecific = Literal["nothing", "biases", "heads", "towers"]


class Backbone(Protocol):
    """φ as a specification: a frozen dataclass whose fields are its YAML options.

    learns: whether φ has parameters.

    Two members are optional. `widths: ClassVar[str]` names the option that lists the outputs of its
    weight layers, in order: structure transfer can then build a narrower one. `smallest_batch: int`
    (a property, where options decide it) is the fewest examples of a domain that an update may draw
    for it, such as 2 with BatchNorm; without it, 1.
    """

    learns: ClassVar[bool]

    def width(self, shape: tuple[int, ...]) -> int:
        """d, the width of z [B, d], for inputs of `shape` (without the batch).

        Raises UserError where φ cannot take inputs of that shape.
        """

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """φ, from [B, *shape] to [B, d], with fresh weights from torch's global generator."""


@dataclass(frozen=True)
class Given:
    """What is settled when a stage is built.

    backbone: φ as configured. shape: of one input. outputs: k of every head. seed: the run's.
    """

    backbone: Backbone
    shape: tuple[int, ...]
    outputs: tuple[int, ...]
    seed: int
