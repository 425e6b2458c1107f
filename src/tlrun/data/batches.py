"""Batches of examples: tensors, indexed, or rows of a file that is mapped into memory.

On small data this is many times faster than a DataLoader. Texts are drawn in batches of like
length, and filled up to the longest of a batch: on a CPU that is 1.4 times as fast as batches drawn
at random, and 6 times as fast as packed sequences (`benchmarks/texts.py`).
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from tlrun.core.seeding import stream
from tlrun.data.label_table import LabelTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from torch import Tensor

    from tlrun.core.problem import Split
    from tlrun.data.augmentation import Augmentation

# Batches whose rows are drawn at once, for one by one they would cost as much as a small step; and
# rows, of which no more are drawn for that.
AHEAD, MOST_AHEAD = 32, 2**16
# Bytes of inputs in a file up to which all are read once and kept on the device, for indexing a
# tensor is faster than reading rows.
KEPT = 2**28
# Batches among which texts of like length are put together: enough that batches are even, few
# enough that an epoch is still drawn at random.
WINDOW = 50


@dataclass(frozen=True)
class Batch:
    """B examples of one domain.

    inputs: float32 or uint8 [B, …], or int32 [B, L] of texts, the longest of which has L tokens,
    padded with 0. labels: as in `Split`, per task [B]. passed: how many modules
    of φ the inputs have been through.
    """

    inputs: Tensor
    labels: Mapping[str, Tensor]
    passed: int = 0

    def rows(self, chosen: Tensor) -> Batch:
        """The batch of the `chosen` rows: their positions, int64 [B]."""
        labels = {task: labels.index_select(0, chosen) for task, labels in self.labels.items()}
        return Batch(self.inputs.index_select(0, chosen), labels, self.passed)


def as_batch(split: Split, device: torch.device | str = "cpu") -> Batch:
    """All of a split as one batch on `device`; on the CPU it shares the split's memory."""
    return Batch(as_tensor(split.array, device), _labels_of(split, device), split.passed)


def as_tensor(array: np.ndarray, device: torch.device | str) -> Tensor:
    """An array on `device`; on the CPU it shares the array's memory."""
    with warnings.catch_warnings():
        # arrays that nobody may write to are shared too: nobody writes to a batch
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(array).to(device)


def _labels_of(split: Split, device: torch.device | str) -> dict[str, Tensor]:
    return {task: as_tensor(values, device) for task, values in split.labels.items()}


class Batches:
    """The endless sequence in which one domain's training examples are drawn.

    It is a chain of permutations, one an epoch, cut into batches of `size`; the batch at `position`
    k is a function of (seed, domain, k) alone. So every run of a seed reads the same batches,
    whatever it did between them. The order is drawn on the CPU, so it is one order on every device.
    A batch may be larger than the split: small data then counts several epochs a batch.

    Of inputs of different lengths, every epoch's permutation is cut into windows of some batches.
    Within a window the examples are sorted by length and cut into batches, and these are shuffled.
    A batch in which two epochs meet is as they drew it.

    split: the training examples. domain: the name of their domain. size: B, the examples of a
    batch. seed: the run's. device: where the batches are. augmentation: what is done to the inputs
    of a batch; None: nothing.
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
        augmentation: Augmentation | None = None,
    ) -> None:
        self._split, self._device, self._augmentation = split, device, augmentation
        # where the inputs are kept on the device
        self._all = as_batch(split, device) if fits(split) else None
        labels = _labels_of(split, device) if self._all is None else self._all.labels
        self.labels = LabelTable(labels)
        self.size, self._seed, self._domain = size, seed, domain
        self.position = position
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.int64)
        self._lengths = None if split.lengths is None else torch.from_numpy(split.lengths)
        # rows of the batches from `position` on, drawn already, and the longest of each
        self._ahead: dict[int, tuple[Tensor, int | None]] = {}
        self.shares: dict[str, float] = {}
        for task, values in labels.items():
            self.shares[task] = float(labelled(values).double().mean())

    def __iter__(self) -> Iterator[Batch]:
        return self

    @property
    def kept(self) -> Batch | None:
        """All examples, where they are kept and a batch is some of them, as they are."""
        return self._all if self._augmentation is None and self._lengths is None else None

    def next_rows(self) -> Tensor:
        """Which examples the next batch has, int64 [B]: it is drawn, and nothing is read."""
        rows, _ = self._draw()
        self.position += 1
        return rows

    def _draw(self) -> tuple[Tensor, int | None]:
        """The rows of the batch at `position`, and of texts, how long the longest is."""
        if self.position not in self._ahead:
            self._draw_ahead()
        return self._ahead.pop(self.position)

    def __next__(self) -> Batch:
        rows, longest = self._draw()
        batch = self._read(rows, longest)
        if self._augmentation is not None:
            first = self.position * self.size
            numbers = torch.arange(first, first + len(rows))
            epochs = numbers.div(len(self._split), rounding_mode="floor")
            inputs = self._augmentation(batch.inputs, rows.cpu(), epochs)
            batch = Batch(inputs, batch.labels, batch.passed)
        self.position += 1
        return batch

    def _read(self, rows: Tensor, longest: int | None) -> Batch:
        """The examples in some rows, int64 [B]. longest: of texts, how many tokens are read."""
        if self._all is None:
            inputs = as_tensor(self._split.inputs[rows.cpu().numpy()], self._device)
        else:
            inputs = self._all.inputs.index_select(0, rows)
            inputs = inputs if longest is None else inputs[:, :longest]
        return Batch(inputs, self.labels.rows(rows), self._split.passed)

    def _draw_ahead(self) -> None:
        """Draw the rows of the next batches: which, not what is in them."""
        start = self.position * self.size
        stop = start + max(1, min(AHEAD, MOST_AHEAD // self.size)) * self.size
        rows = torch.cat(list(self._pieces(start, stop, len(self._split))))
        batches = torch.split(rows.to(self._device), self.size)
        longest: list[int | None] = [None] * len(batches)
        if self._lengths is not None and hasattr(self._split.inputs, "lengths"):
            # of texts without a token one place is read, for φ has no answer for none
            longest = self._lengths[rows].view(-1, self.size).amax(dim=1).clamp(min=1).tolist()
        for k, drawn in enumerate(zip(batches, longest, strict=True)):
            self._ahead[self.position + k] = drawn

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
            if self._lengths is not None:
                begun = -epoch * n % self.size
                self._order = _of_like_length(
                    self._order, self._lengths, self.size, begun, generator
                )
        return self._order


def _of_like_length(
    order: Tensor, lengths: Tensor, size: int, begun: int, generator: torch.Generator
) -> Tensor:
    """An epoch's order [n], such that a batch of `size` has examples of like length.

    lengths: int64 [n], of each example. begun: how many examples the batch lacks that the epoch
    before has begun; they, and those that are left for the next one, stay where they are.
    """
    whole = max(0, len(order) - begun) // size * size
    parts = [order[:begun]]
    for window in torch.split(order[begun : begun + whole], WINDOW * size):
        if len(window):
            batches = window[torch.argsort(lengths[window], stable=True)].view(-1, size)
            parts.append(batches[torch.randperm(len(batches), generator=generator)].view(-1))
    return torch.cat([*parts, order[begun + whole :]])


def fits(split: Split) -> bool:
    """Whether the inputs of a split are in memory, or small enough to be read into it."""
    size = math.prod(split.inputs.shape) * split.inputs.dtype.itemsize
    return not hasattr(split.inputs, "select") or size <= KEPT


def labelled(labels: Tensor) -> Tensor:
    """Which labels are present, bool [N]: class labels other than -1, numbers other than nan."""
    if labels.is_floating_point():
        return ~torch.isnan(labels)
    return labels >= 0
