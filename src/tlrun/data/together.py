"""Batches of many domains read at once: one read of one table costs little more than of a domain.

Shapes: D domains, B examples in a batch of each, n tasks in each.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from tlrun.data.batches import Batch

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.data.batches import Batches

FEW = 3  # domains that are read as fast one after another
COPIED = 2**26  # bytes of inputs, of all domains, up to which they are copied into one table


class Together:
    """The next batch of each of some domains, again and again; each is that of its `Batches`.

    batches: by the domain's name. They move on as if each were drawn by itself.
    """

    def __init__(self, batches: Mapping[str, Batches]) -> None:
        self._batches = batches
        self._inputs: Tensor | None = None
        self._labels: Tensor | None = None
        kept = {name: each.kept for name, each in batches.items()}
        some = [each for each in kept.values() if each is not None]
        if not FEW < len(batches) == len(some) or not _alike(some, batches):
            return
        self._inputs, self._passed = torch.cat([each.inputs for each in some]), some[0].passed
        sizes = torch.tensor([len(each.inputs) for each in some])
        self._first = (sizes.cumsum(0) - sizes)[:, None].to(self._inputs.device)
        self._names = {name: tuple(each.labels) for name, each in zip(kept, some, strict=True)}
        forms = {tuple(labels.dtype for labels in each.labels.values()) for each in some}
        if len(forms) == 1 and len(set(forms.pop())) == 1:  # all of one type, equally many
            tables = [torch.stack(tuple(each.labels.values()), dim=1) for each in some]
            self._labels = torch.cat(tables)

    def __next__(self) -> dict[str, Batch]:
        if self._inputs is None:
            return {name: next(each) for name, each in self._batches.items()}
        drawn = torch.stack([each.next_rows() for each in self._batches.values()])
        D, B = drawn.shape
        rows = (drawn + self._first).view(-1)
        inputs = self._inputs.index_select(0, rows)
        parts = inputs.view(D, B, *inputs.shape[1:]).unbind()
        labels = self._labels_in(rows, drawn)
        return {
            name: Batch(own, labels[name], self._passed)
            for name, own in zip(self._batches, parts, strict=True)
        }

    def _labels_in(self, rows: Tensor, drawn: Tensor) -> dict[str, Mapping[str, Tensor]]:
        """The labels of each domain: `rows` [D·B] in the table, `drawn` [D, B] in each domain."""
        if self._labels is None:
            pairs = zip(self._batches.items(), drawn, strict=True)
            return {name: each.labels.rows(own) for (name, each), own in pairs}
        (D, B), n = drawn.shape, self._labels.shape[1]
        table = self._labels.index_select(0, rows).view(D, B, n).transpose(1, 2)
        parts = iter(table.reshape(D * n, B).unbind())
        return {name: {task: next(parts) for task in tasks} for name, tasks in self._names.items()}


def _alike(kept: list[Batch], batches: Mapping[str, Batches]) -> bool:
    """Whether domains can have one table that is worth its memory: of examples of one shape."""
    forms = {(e.inputs.shape[1:], e.inputs.dtype, e.inputs.device, e.passed) for e in kept}
    sizes = {each.size for each in batches.values()}
    copied = sum(each.inputs.numel() * each.inputs.element_size() for each in kept)
    return len(forms) == len(sizes) == 1 and copied <= COPIED
