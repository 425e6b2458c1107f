"""Tasks whose heads and losses may be computed at once.

Shapes: T tasks, B examples in a batch, d features, k outputs of a head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tlrun.core.parts import Parts
from tlrun.core.problem import Domain
from tlrun.core.task import Task, TaskKey
from tlrun.data.batches import Batch
from tlrun.models.side_by_side import stacked

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter

    from tlrun.models.model import Model

Shares = Mapping[str, float]  # by task: how many of a domain's training examples carry its label


@dataclass(frozen=True)
class Unit:
    """S tasks of one domain on one z: of one kind and k, and all or none with a loss."""

    domain: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Block:
    """Units whose heads and losses may be computed at once, and what is the same in every step.

    domains: of the units. keys, tasks, shares, weights, biases: of each task of each unit, in
    order. W, b: the weights and the biases as one tensor each, where they lie so. places: of the
    tasks, by name, where they are all tasks of one domain.
    """

    units: tuple[Unit, ...]
    domains: tuple[str, ...]
    keys: tuple[TaskKey, ...]
    tasks: tuple[Task, ...]
    shares: tuple[float, ...]
    weights: tuple[Tensor, ...]
    biases: tuple[Tensor, ...]
    W: Tensor | None
    b: Tensor | None
    places: dict[str, int] | None


class Blocks:
    """The blocks of a stage.

    model, domains, shares, leaves: as of `training.forward.Forward`.
    """

    def __init__(
        self,
        model: Model,
        domains: Mapping[str, Domain],
        shares: Mapping[str, Shares],
        leaves: Sequence[tuple[Sequence[Parameter], Tensor]],
    ) -> None:
        self._model, self._domains, self._shares = model, domains, shares
        self._leaves = {tuple(map(id, parameters)): leaf for parameters, leaf in leaves}

    def all(self) -> list[Block]:
        """All tasks of all domains, as if batches of all domains were of one size."""
        found: dict[object, list[Unit]] = {}
        for name, domain in self._domains.items():
            forms: dict[tuple[object, ...], list[Task]] = {}
            for task in domain.tasks:
                lost = self._shares[name][task.name] > 0.0
                forms.setdefault((task.kind, task.outputs, lost), []).append(task)
            for form, tasks in forms.items():
                found.setdefault((*form, len(tasks)), []).append(Unit(name, tuple(tasks)))
        return [self.block(units) for units in found.values()]

    def block(self, units: Sequence[Unit]) -> Block:
        """What of some units is the same in every step."""
        tasks = tuple(task for unit in units for task in unit.tasks)
        keys = tuple(TaskKey(unit.domain, task.name) for unit in units for task in unit.tasks)
        shares = tuple(self._shares[key.domain][key.task] for key in keys)
        heads = [self._model.head_of(key) for key in keys]
        weights, biases = tuple(h.weight for h in heads), tuple(h.bias for h in heads)
        W = b = places = None
        if shares[0] > 0.0:  # else they have no gradient, and a leaf would give them one
            W, b = (self._leaves.get(tuple(map(id, each))) for each in (weights, biases))
        domains = tuple(unit.domain for unit in units)
        if len(units) == 1 and tasks == self._domains[domains[0]].tasks:
            places = {task.name: place for place, task in enumerate(tasks)}
        return Block(tuple(units), domains, keys, tasks, shares, weights, biases, W, b, places)


def add(found: dict[str, Mapping[str, Tensor]], domain: str, more: Mapping[str, Tensor]) -> None:
    """Add something of some tasks of a domain to what is found of it."""
    there = found.get(domain)
    found[domain] = more if there is None else {**there, **more}


def hand_out(block: Block, whole: Tensor, found: dict[str, Mapping[str, Tensor]]) -> None:
    """Add the parts of `whole` [T, …], one a task of the block, to what is found of its domains."""
    if block.places is not None:
        # scalars are looked at in every step
        found[block.domains[0]] = (
            Parts(block.places, whole)
            if whole.ndim > 1
            else dict(zip(block.places, whole.unbind(), strict=True))
        )
        return
    each = iter(whole.unbind())
    if len(block.units) == len(block.tasks):
        for key, part in zip(block.keys, each, strict=True):
            add(found, key.domain, {key.task: part})
        return
    for unit in block.units:
        add(found, unit.domain, {task.name: next(each) for task in unit.tasks})


def labels_of(block: Block, drawn: Mapping[str, Batch]) -> Tensor:
    """The labels [T, B] of the tasks of a block."""
    labels = drawn[block.domains[0]].labels
    if block.places is not None and isinstance(labels, Parts) and labels.places == block.places:
        return labels.whole
    return stacked([drawn[key.domain].labels[key.task] for key in block.keys])
