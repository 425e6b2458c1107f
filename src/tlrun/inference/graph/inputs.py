"""What goes into a graph: from the tensors that its user gives to those that networks take.

Shapes: N rows, on one axis that every input has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

if TYPE_CHECKING:
    from onnx import NodeProto
    from torch import Tensor, nn

    from tlrun.inference.member import Member

OURS = "tl-run/"  # what the name of every tensor inside begins with, and of no column
NETWORK = f"{OURS}rows"  # between the nodes of the inputs and the network
Type = Literal["bool", "double", "float", "int64", "string", "uint8"]


@dataclass(frozen=True)
class Port:
    """A tensor that goes into a graph, or comes out of it.

    shape: of each axis its size, or its name where it is free. meaning, example: for the card; an
    example is a value where the shape has room for one alone.
    """

    name: str
    type: Type
    shape: tuple[str | int, ...]
    meaning: str
    example: str | float = 0.0


class GraphInputs(Protocol):
    """The inputs of a graph, for one kind of rows.

    ports: what the user gives. numbers: how many numbers one row has, at most.
    categories: c, how many columns are of categories. free: the axes of the tensor `NETWORK` that
    have any size, N first.
    """

    ports: Sequence[Port]
    numbers: int
    categories: int
    free: tuple[str, ...]

    def example(self) -> Tensor:
        """Two rows or more of the tensor `NETWORK`, to trace a network with."""

    def nodes(self) -> list[NodeProto]:
        """From the ports to the tensor `NETWORK`."""

    def reader(self, member: Member) -> nn.Module:
        """From the tensor `NETWORK` to the inputs of the network of `member`."""

    def unseen(self) -> nn.Module:
        """From the tensor `NETWORK` to which categories were never learnt from, bool [N, c].

        It is asked where there are any.
        """

    def random(self, count: int, rng: np.random.Generator) -> tuple[Any, dict[str, np.ndarray]]:
        """So many rows as a `Predictor` takes them, and as the graph does, by port."""

    def files(self) -> dict[str, bytes]:
        """What belongs beside the graph, by the ending of its name."""

    def notes(self) -> list[str]:
        """Lines for the card: what rows have been through before they are given."""


class AsTheyAre:
    """A part of `GraphInputs`: of rows that are one tensor, which a network takes as it is."""

    ports: Sequence[Port]
    categories = 0

    def nodes(self) -> list[NodeProto]:
        """The tensor as it is."""
        from onnx.helper import make_node

        return [make_node("Identity", [self.ports[0].name], [NETWORK])]

    def reader(self, member: Member) -> nn.Module:
        """The tensor as it is."""
        from torch import nn

        return nn.Identity()

    def unseen(self) -> nn.Module:
        """Raise ValueError: there are no categories."""
        raise ValueError("expected columns of categories, found none")
