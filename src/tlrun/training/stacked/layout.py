"""Where each of many runs stands in a stack: in families, tiles and slots.

A *family* is the runs that see the same features in the same order: those of one seed and one share
of labels. Its runs share every batch, so that their heads are rows of one matrix. That is cut into
*tiles* of a fixed number of slots, empty ones among them: so the products are of one shape whatever
runs stand beside a run, and its bits do not depend on them.

Shapes: F tiles, T slots of a tile, k outputs of a head, d features, D of them with the 1 that a
bias multiplies and zeros up to a multiple of ALIGNED.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from tlrun.core.problem import Domain
    from tlrun.data.batches import Batches
    from tlrun.models.model import Model
    from tlrun.strategies.base import Stage
    from tlrun.training.optimizers import Optimizer

# Rows of one product: fewer leave the processor's registers empty. Slots of a tile: more would be
# empty too often, and an update moves them all the same.
ROWS, MOST = 32, 8
# Numbers side by side that every slice begins at a multiple of: 64 bytes of float32, the longest
# vector of a processor. Else kernels would treat slices differently by where they lie in memory.
ALIGNED = 16


@dataclass(frozen=True)
class Member:
    """One run of a stack.

    stage: with its own λ. optimizer: with its own rate and weight decay. log: is handed its
    evaluations, as lines of metrics.jsonl.
    """

    stage: Stage
    optimizer: Optimizer
    log: Callable[[Mapping[str, object]], None]


@dataclass(frozen=True)
class Family:
    """Runs that start alike and draw the same batches.

    model: φ, and the heads as they start. domains: that the stage draws, with their labels.
    batches: of each, the order in which its examples are drawn. train: of each, the features of
    those that are. val: of each that has validation examples, theirs, z [N, D] (`aligned`).
    """

    model: Model
    domains: Mapping[str, Domain]
    batches: Mapping[str, Batches]
    train: Mapping[str, Features]
    val: Mapping[str, torch.Tensor]
    members: Sequence[Member]


@dataclass(frozen=True)
class Features:
    """Training examples of a domain as features.

    z: float32 [n, D] of those that are drawn at all (`aligned`). places: int64 [N], where each of
    the N there are stands among them; None: they are all.
    """

    z: torch.Tensor
    places: torch.Tensor | None = None

    def of(self, rows: torch.Tensor) -> torch.Tensor:
        """Where some of the N, int64 [B], stand in z."""
        return rows if self.places is None else self.places.index_select(0, rows)


@dataclass(frozen=True)
class Layout:
    """The tiles of a stack.

    slots: T. families: of each tile, the number of its family. places: of every member, family by
    family, its tile and slot.
    """

    slots: int
    families: tuple[int, ...]
    places: tuple[tuple[int, int], ...]

    @property
    def tiles(self) -> int:
        """F."""
        return len(self.families)

    def spread(self, values: Sequence[float], dtype: torch.dtype = torch.float32) -> torch.Tensor:
        """A number of each member as [F, T]; 0 in empty slots."""
        spread = [0.0] * (self.tiles * self.slots)
        for (tile, slot), value in zip(self.places, values, strict=True):
            spread[tile * self.slots + slot] = value
        return torch.tensor(spread, dtype=dtype).view(self.tiles, self.slots)


def layout_of(families: Sequence[int], outputs: int) -> Layout:
    """The layout of families of so many members. outputs: k of the widest head."""
    slots = slots_of(outputs)
    of_tiles: list[int] = []
    places: list[tuple[int, int]] = []
    for family, members in enumerate(families):
        first = len(of_tiles)
        of_tiles += [family] * -(-members // slots)
        places += [(first + member // slots, member % slots) for member in range(members)]
    return Layout(slots, tuple(of_tiles), tuple(places))


def slots_of(outputs: int) -> int:
    """T: the least power of two that fills ROWS with heads of k `outputs`, or MOST of them.

    It knows no member.
    """
    slots = 1
    while slots * outputs < ROWS and slots < MOST:
        slots *= 2
    return slots


def padded(d: int) -> int:
    """D: the least multiple of ALIGNED that has room for d features and a 1."""
    return -(-(d + 1) // ALIGNED) * ALIGNED


def aligned(features: torch.Tensor) -> torch.Tensor:
    """z [N, d] as float32 [N, D]: z, then 1, then zeros."""
    d = features.shape[1]
    whole = torch.zeros(len(features), padded(d))
    whole[:, :d] = features
    whole[:, d] = 1.0
    return whole
