"""One head of every run of a stack, as one parameter, and its products.

Shapes: F tiles, T slots, k outputs, d features, D with a 1 and zeros behind them, M examples of a
step with zeros up to a multiple of ALIGNED, N examples of a split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch
from torch import nn

from tlrun.core.task import Kind, TaskKey
from tlrun.training.stacked.layout import ALIGNED, Family, Features, Layout, padded
from tlrun.training.stacked.losses import losses_and_slopes, targets

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.models.model import Model

AT_ONCE = 2**14  # examples of a split in one product


@dataclass(frozen=True, eq=False)
class Seen:
    """What a head sees of one domain: its part of the examples of a step.

    key: of the task. part: its places among the M. share: per family, of labels, as `task_loss`
    has it, [families]. truth, present: of every training example, per family (`targets`).
    """

    key: TaskKey
    part: slice
    share: Tensor
    truth: Sequence[Tensor]
    present: Sequence[Tensor]


@dataclass(eq=False)
class StackedHead:
    """W [F, T, k, D] of one head of every run; a row of it is w, then b, then zeros.

    layout: where each run stands. name: the head's key in `Model.heads`. seen: the tasks that it
    answers for, a domain each. batch: B.
    """

    layout: Layout
    name: TaskKey
    kind: Kind
    seen: Sequence[Seen]
    weights: Tensor
    batch: int
    gradient: Tensor = field(init=False)  # of the objective by W
    _read: Tensor = field(init=False)  # z of a step, [families, M, D]
    _truth: Tensor = field(init=False)  # y of a step, [families, M]
    _present: Tensor = field(init=False)  # which are there, bool [families, M]
    _outputs: Tensor = field(init=False)  # o of a step, [F, T, k, M]
    _slopes: Tensor = field(init=False)  # of loss_b by o, [F, T, k, M]
    _some_missing: bool = field(init=False)  # whether any label is
    _families: Tensor = field(init=False)  # of every tile
    _expected: list[Tensor] = field(init=False)  # of `seen`, how many labels a batch has, [F, 1]

    def __post_init__(self) -> None:
        first, (tiles, slots, k, _) = self.seen[0], self.weights.shape
        families = len(first.truth)
        room = -(-self.seen[-1].part.stop // ALIGNED) * ALIGNED
        self.gradient = torch.empty_like(self.weights)
        self._read = torch.zeros(families, room, self.weights.shape[3])
        self._truth = torch.zeros(families, room, dtype=first.truth[0].dtype)
        self._present = torch.zeros(families, room, dtype=torch.bool)
        shares = torch.stack([seen.share for seen in self.seen])
        self._some_missing = bool((shares < 1.0).any())
        self._outputs = torch.empty(tiles, slots, k, room)
        self._families = torch.tensor(self.layout.families)
        self._expected = []
        for seen in self.seen:
            self._expected.append((self.batch * seen.share)[self._families].unsqueeze(1))

    def read(
        self, rows: Mapping[str, Sequence[Tensor]], inputs: Mapping[str, Sequence[Features]]
    ) -> None:
        """Read the examples of a step.

        rows: by domain, of every family, which training examples. inputs: these, as features.
        """
        for seen in self.seen:
            domain = seen.key.domain
            for family, chosen in enumerate(rows[domain]):
                part = self._read[family, seen.part]
                features = inputs[domain][family]
                torch.index_select(features.z, 0, features.of(chosen), out=part)
                self._truth[family, seen.part] = seen.truth[family].index_select(0, chosen)
                if self._some_missing:
                    self._present[family, seen.part] = seen.present[family].index_select(0, chosen)

    def losses(self) -> dict[TaskKey, Tensor]:
        """L_i [F, T] of the examples that were read, of every task."""
        for tile, family in enumerate(self.layout.families):
            rows, z = self.weights[tile].flatten(0, 1), self._read[family]
            torch.mm(rows, z.T, out=self._outputs[tile].flatten(0, 1))
        truth = self._truth.index_select(0, self._families)
        each, self._slopes = losses_and_slopes(self.kind, self._outputs, truth)
        if self._some_missing:
            there = self._present.index_select(0, self._families)[:, None]
            each = each.masked_fill(~there, 0.0)  # not times 0: a head that diverges says ∞
        found = {}
        for seen, expected in zip(self.seen, self._expected, strict=True):
            found[seen.key] = each[:, :, seen.part].sum(dim=2) / expected
        return found

    def differentiate(self, weights: Mapping[TaskKey, Tensor]) -> None:
        """Set `gradient` [F, T, k, D] to that of Σ_i a_i L_i, of what `losses` gave, by W.

        weights: a_i [F, T].
        """
        if self._some_missing:
            there = self._present.index_select(0, self._families)[:, None, None]
            self._slopes.masked_fill_(~there, 0.0)
        for seen, expected in zip(self.seen, self._expected, strict=True):
            self._slopes[..., seen.part] *= (weights[seen.key] / expected)[..., None, None]
        self._slopes[..., self.seen[-1].part.stop :] = 0.0
        for tile, family in enumerate(self.layout.families):
            slopes, z = self._slopes[tile].flatten(0, 1), self._read[family]
            torch.mm(slopes, z, out=self.gradient[tile].flatten(0, 1))

    def outputs(self, tile: int, features: Tensor) -> Tensor:
        """o [T, k, N] of the runs in a tile, of features [N, D]."""
        weights = self.weights[tile]
        parts = [weights.flatten(0, 1) @ part.T for part in torch.split(features, AT_ONCE)]
        return torch.cat(parts, dim=1).view(*weights.shape[:2], -1)


def stacked_heads(families: Sequence[Family], layout: Layout, batch: int) -> list[StackedHead]:
    """Every head of the models of a stack. batch: B."""
    first = families[0]
    heads = []
    for name in first.model.head_keys:
        seen, kind, begun = [], None, 0
        for domain in first.domains.values():
            for task in domain.tasks:
                key = TaskKey(domain.name, task.name)
                if first.model.head_of(key) is linear(first.model, name):
                    seen.append(_seen(families, key, slice(begun, begun + batch)))
                    kind, begun = task.kind, begun + batch
        if kind is not None:
            weights = _gathered(families, layout, name)
            heads.append(StackedHead(layout, name, kind, seen, weights, batch))
    return heads


def _seen(families: Sequence[Family], key: TaskKey, part: slice) -> Seen:
    """What a head sees of the domain of `key`. part: its places among the M of a step."""
    shares, truths, presents = [], [], []
    for family in families:
        domain = family.domains[key.domain]
        (task,) = (task for task in domain.tasks if task.name == key.task)
        truth, present = targets(task, torch.from_numpy(domain.train.labels[key.task]))
        shares.append(family.batches[key.domain].shares[key.task])
        truths.append(truth)
        presents.append(present)
    return Seen(key, part, torch.tensor(shares), truths, presents)


def _gathered(families: Sequence[Family], layout: Layout, name: TaskKey) -> Tensor:
    """W [F, T, k, D] of a head, as every run starts with it."""
    starts = []
    for family in families:
        head = linear(family.model, name)
        start = torch.zeros(head.out_features, padded(head.in_features))
        start[:, : head.in_features] = head.weight.detach()
        start[:, head.in_features] = head.bias.detach()
        starts.append(start)
    whole = torch.zeros(layout.tiles, layout.slots, *starts[0].shape)
    for tile, slot in layout.places:
        whole[tile, slot] = starts[layout.families[tile]]
    return whole


def linear(model: Model, name: TaskKey) -> nn.Linear:
    """The head of a key of `Model.head_keys`."""
    head = model.heads[str(name)]
    assert isinstance(head, nn.Linear)
    return head
