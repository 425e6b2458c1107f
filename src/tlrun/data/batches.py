"""Batches of examples that fit memory: tensors, indexed.

On small data this is many times faster than a DataLoader.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from tlrun.core.seeding import stream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor

    from tlrun.core.problem import Split

# Batches whose rows are drawn at once, for one by one they would cost as much as a small step; and
# rows, of which no more are drawn for that.
AHEAD, MOST_AHEAD = 32, 2**16


@dataclass(frozen=True)
class Batch:
    """B examples of one domain.

    inputs: float32 [B, …]. labels: as in `Split`, per task [B]. encoded: whether the inputs are
    features z [B, d] already.
    """

    inputs: Tensor
    labels: Mapping[str, Tensor]
    encoded: bool = False

    def rows(self, chosen: Tensor | slice) -> Batch:
        """The batch of the `chosen` rows: their positions, int64 [B], or a slice."""
        if isinstance(chosen, slice):
            labels = {task: labels[chosen] for task, labels in self.labels.items()}
            return Batch(self.inputs[chosen], labels, self.encoded)
        labels = {task: labels.index_select(0, chosen) for task, labels in self.labels.items()}
        return Batch(self.inputs.index_select(0, chosen), labels, self.encoded)


def as_batch(split: Split, device: torch.device | str = "cpu") -> Batch:
    """All of a split as one batch on `device`; on the CPU it shares the split's memory."""
    labels = {task: torch.from_numpy(values).to(device) for task, values in split.labels.items()}
    return Batch(torch.from_numpy(split.inputs).to(device), labels, split.encoded)


class Batches:
    """The endless sequence in which one domain's training examples are drawn.

    It is a chain of permutations, one an epoch, cut into batches of `size`; the batch at `position`
    k is a function of (seed, domain, k) alone. So every run of a seed reads the same batches,
    whatever it did between them. The order is drawn on the CPU, so it is one order on every device.
    A batch may be larger than the split: small data then counts several epochs a batch.

    split: the training examples. domain: the name of their domain. size: B, the examples of a
    batch. seed: the run's. device: where the batches are.
    position: of the next batch. A stage takes up the sequence where the stages before it left it.
    shares: per task, the share of the examples that are labelled.
    """

    def __init__(
        self,
        split: Split,
        domain: str,
        size: int,
        seed: int,
        device: str = "cpu",
        position: int = 0,
    ) -> None:
        self._all = as_batch(split, device)
        self._size, self._seed, self._domain = size, seed, domain
        self.position = position
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.int64)
        self._ahead: dict[int, Tensor] = {}  # rows of the batches from `position` on, drawn already
        self.shares: dict[str, float] = {}
        for task, labels in self._all.labels.items():
            self.shares[task] = float(labelled(labels).double().mean())

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        rows = self._ahead.pop(self.position, None)
        if rows is None:
            self._draw_ahead()
            rows = self._ahead.pop(self.position)
        self.position += 1
        return self._all.rows(rows)

    def _draw_ahead(self) -> None:
        """Draw the rows of the next batches: which, not what is in them."""
        start = self.position * self._size
        stop = start + max(1, min(AHEAD, MOST_AHEAD // self._size)) * self._size
        rows = torch.cat(list(self._pieces(start, stop, len(self._all.inputs))))
        batches = torch.split(rows.to(self._all.inputs.device), self._size)
        self._ahead = {self.position + k: batch for k, batch in enumerate(batches)}

    def _pieces(self, start: int, stop: int, n: int) -> Iterator[Tensor]:
        """Which rows of `n` stand from `start` to `stop` in the sequence, a piece an epoch."""
        while start < stop:
            epoch, offset = divmod(start, n)
            piece = self._permutation(epoch, n)[offset : offset + stop - start]
            yield piece
            start += len(piece)

    def _permutation(self, epoch: int, n: int) -> Tensor:
        if epoch != self._epoch:
            seed = stream(self._seed, "order", self._domain, epoch)
            generator = torch.Generator().manual_seed(seed)
            self._epoch, self._order = epoch, torch.randperm(n, generator=generator)
        return self._order


def labelled(labels: Tensor) -> Tensor:
    """Which labels are present, bool [N]: class labels other than -1, numbers other than nan."""
    if labels.is_floating_point():
        return ~torch.isnan(labels)
    return labels >= 0
