"""The protocol of a backbone φ, and what is settled when a model is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Protocol

if TYPE_CHECKING:
    from torch import nn


# what each task of a domain has for itself; see model.Model
TaskSpecific = Literal["nothing", "biases", "heads", "towers"]


class Backbone(Protocol):
    """φ as a specification: a frozen dataclass whose fields are its YAML options. learns: whether φ
    has parameters.

    One whose option lists the outputs of its weight layers, in order, says which in `widths:
    ClassVar[str]`: structure transfer can then build a narrower one.
    """

    learns: ClassVar[bool]

    def width(self, shape: tuple[int, ...]) -> int:
        """d, the width of z [B, d], for inputs of `shape` (without the batch). Raises UserError
        where it cannot be.
        """

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """φ, a module from [B, *shape] to [B, d], with fresh weights from torch's global
        generator.
        """


@dataclass(frozen=True)
class Given:
    """What is settled when a stage is built: φ as configured, the shape of an input, k of every
    head, the seed.
    """

    backbone: Backbone
    shape: tuple[int, ...]
    outputs: tuple[int, ...]
    seed: int
