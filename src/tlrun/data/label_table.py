"""The labels of the tasks of a domain, read for some of its examples at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch

from tlrun.core.parts import Parts

if TYPE_CHECKING:
    from torch import Tensor

FEW = 8  # tasks whose labels are read as fast one after another


class LabelTable:
    """Labels [N] of each task, by name. Those of one type are beside one another: [N, n].

    So the labels of an example lie together, and many tasks cost little more than one.
    """

    def __init__(self, labels: Mapping[str, Tensor]) -> None:
        self._labels = labels
        self._places = {task: place for place, task in enumerate(labels)}
        alike: dict[object, list[str]] = {}
        for task, values in labels.items():
            alike.setdefault((values.dtype, values.shape), []).append(task)
        self._tables = []
        if len(labels) > FEW:
            for tasks in alike.values():
                table = torch.stack([labels[task] for task in tasks], dim=1)
                self._tables.append((tasks, table))

    def rows(self, chosen: Tensor) -> Mapping[str, Tensor]:
        """The labels of the `chosen` examples, [B] of each task: their positions, int64 [B]."""
        if not self._tables:
            return {task: values.index_select(0, chosen) for task, values in self._labels.items()}
        found: dict[str, Tensor] = {}
        for tasks, table in self._tables:
            of_each = table.index_select(0, chosen).t().contiguous()
            if len(tasks) == len(self._labels):
                return Parts(self._places, of_each)
            found |= zip(tasks, of_each.unbind(), strict=True)
        return {task: found[task] for task in self._labels}
