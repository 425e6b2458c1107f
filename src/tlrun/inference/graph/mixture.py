"""Several models that answer together, as one module.

    of classes  p = Σ_a w_a softmax(z_a / T_a)     of one logit, sigmoid(z_a / T_a)
    of numbers  ŷ = Σ_a w_a ŷ_a                    in the unit of the task

Shapes: N rows, k classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from tlrun.core.task import Task, TaskKey
from tlrun.inference.combined import Part
from tlrun.inference.graph.inputs import GraphInputs
from tlrun.inference.graph.network import module_of


class Mixture(nn.Module):
    """From the tensor `NETWORK` to the answer of each task, float64 [N, k] or [N], in order."""

    def __init__(self, parts: Mapping[TaskKey, Sequence[Part]], inputs: GraphInputs) -> None:
        super().__init__()
        members = list(dict.fromkeys(part.member for of in parts.values() for part in of))
        self.readers = nn.ModuleList(inputs.reader(member) for member in members)
        self.models = nn.ModuleList()
        asked = []
        for member in members:
            keys = [key for key, of in parts.items() if any(p.member is member for p in of)]
            asked.append(keys)
            self.models.append(module_of(member, keys))
        self.unseen = inputs.unseen() if inputs.categories else None
        # of each task: its members by their places, and which of their outputs is of it
        self.tasks = [part[0].member.tasks[key] for key, part in parts.items()]
        self.mixed = [
            [
                (place, asked[place].index(key))
                for part in of
                for place in [members.index(part.member)]
            ]
            for key, of in parts.items()
        ]
        # float64 tensors, for the exporter rounds a number of Python's to float32
        for number, of in enumerate(parts.values()):
            shares = [[part.weight, part.temperature] for part in of]
            self.register_buffer(f"shares{number}", torch.tensor(shares, dtype=torch.float64))

    def forward(self, rows: Tensor) -> tuple[Tensor, ...]:
        """Of the tensor `NETWORK`: each task in order, then what was never learnt from."""
        said = [model(read(rows)) for read, model in zip(self.readers, self.models, strict=True)]
        answers: list[Tensor] = []
        for number, (task, mixed) in enumerate(zip(self.tasks, self.mixed, strict=True)):
            total: Tensor | None = None
            shares = self.get_buffer(f"shares{number}")
            for (place, which), (weight, temperature) in zip(mixed, shares, strict=True):
                one = said[place][which]
                one = _chances(task, one / temperature) if task.classes else one[:, 0]
                total = weight * one if total is None else total + weight * one
            assert total is not None  # a task has at least one part
            answers.append(total)
        return (*answers, *([] if self.unseen is None else [self.unseen(rows)]))


def _chances(task: Task, logits: Tensor) -> Tensor:
    if task.kind == "binary":
        return torch.cat([torch.sigmoid(-logits), torch.sigmoid(logits)], dim=1)
    return torch.softmax(logits, dim=1)
