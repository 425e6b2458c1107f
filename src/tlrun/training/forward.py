"""The forward passes of an update: of every domain drawn, what its tasks say and lose.

Many tasks are computed at once, which equals one after another up to rounding: domains whose inputs
have one shape go through φ in one pass, where φ computes each row by itself (`models/rowwise.py`),
and tasks of one kind and k have one product of their heads and one loss. A few, up to `FEW`, are
computed one after another, which is then as fast; so are towers, which are to be what each is
alone, to the bit.

Shapes: B examples in a batch, d features, k outputs of a head; D inputs of heads, S heads on each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from tlrun.core.objective import Step, Steps
from tlrun.core.problem import Domain
from tlrun.core.task import Task, TaskKey
from tlrun.data.batches import Batch
from tlrun.models.rowwise import by_rows
from tlrun.models.side_by_side import outputs_of, stacked
from tlrun.training.losses import task_loss, task_losses

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter

    from tlrun.models.model import Model

FEW = 3
NUMBERS = 2**22  # of the inputs of a pass: they are copied for it
Shares = Mapping[str, float]  # by task: how many of a domain's training examples carry its label
Features = dict[str, dict[str, "Tensor"]]  # z [B, d] by domain and task


@dataclass(frozen=True)
class _Unit:
    """S tasks of one domain on one z: of one kind and k, and all or none with a loss."""

    domain: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class _Block:
    """Units whose heads and losses may be computed at once, and what is the same in every step.

    keys, tasks, shares, weights, biases: of each task of each unit, in order. W, b: the weights and
    the biases as one tensor each, where they lie so.
    """

    units: tuple[_Unit, ...]
    keys: tuple[TaskKey, ...]
    tasks: tuple[Task, ...]
    shares: tuple[float, ...]
    weights: tuple[Parameter, ...]
    biases: tuple[Parameter, ...]
    W: Tensor | None = None
    b: Tensor | None = None


class Forward:
    """The forward passes of the updates of a stage.

    model: as long as it is one and the same. domains: those that are drawn, by name, in order.
    shares: of the training examples of each, how many carry the label of each task, in [0, 1]; a
    task that none carries has no loss. leaves: parameters and the leaf that stands for them
    (`Updates.leaves`): losses are then computed from the leaf, where they are of all of them.
    """

    def __init__(
        self,
        model: Model,
        domains: Mapping[str, Domain],
        shares: Mapping[str, Shares],
        leaves: Sequence[tuple[Sequence[Parameter], Tensor]] = (),
    ) -> None:
        self._model, self._domains, self._shares = model, domains, shares
        self._leaves = {tuple(map(id, parameters)): leaf for parameters, leaf in leaves}
        self._keys = {
            name: {task.name: TaskKey(name, task.name) for task in domain.tasks}
            for name, domain in domains.items()
        }
        self._blocks = [self._block(units) for units in self._of_one_form()]

    def __call__(self, drawn: Mapping[str, Batch]) -> Steps:
        """Of each domain z [B, d], and output [B, k] and loss L_i of every task, with gradient.

        drawn: a batch of each domain.
        """
        z, passes = self._features(drawn)
        outputs: dict[TaskKey, Tensor] = {}
        losses: dict[TaskKey, Tensor] = {}
        sizes = {name: len(batch.inputs) for name, batch in drawn.items()}
        of_one_size = len(set(sizes.values())) == 1
        for block in self._blocks:
            if of_one_size:
                self._compute(block, drawn, z, passes, outputs, losses)
                continue
            for size in sorted({sizes[unit.domain] for unit in block.units}):
                alike = self._block([u for u in block.units if sizes[u.domain] == size])
                self._compute(alike, drawn, z, passes, outputs, losses)
        steps = Steps()
        for name, keys in self._keys.items():
            domain, batch = self._domains[name], drawn[name]
            said = {task: outputs[key] for task, key in keys.items()}
            lost = {task: losses[key] for task, key in keys.items() if key in losses}
            steps[name] = Step(
                domain.role, batch.inputs, domain.tasks, z[name], said, lost, batch.passed
            )
        return steps

    def _block(self, units: Sequence[_Unit]) -> _Block:
        """What of some units is the same in every step."""
        tasks = tuple(task for unit in units for task in unit.tasks)
        keys = [self._keys[unit.domain][task.name] for unit in units for task in unit.tasks]
        shares = tuple(self._shares[key.domain][key.task] for key in keys)
        heads = [self._model.head_of(key) for key in keys]
        weights, biases = tuple(h.weight for h in heads), tuple(h.bias for h in heads)
        W = b = None
        if shares and shares[0] > 0.0:  # else they have no gradient, and a leaf would give them one
            W, b = (self._leaves.get(tuple(map(id, each))) for each in (weights, biases))
        return _Block(tuple(units), tuple(keys), tasks, shares, weights, biases, W, b)

    def _of_one_form(self) -> list[list[_Unit]]:
        """All tasks of all domains, those together whose heads and losses may be computed at once.

        That is so where their batches are of one size.
        """
        found: dict[object, list[_Unit]] = {}
        for name, domain in self._domains.items():
            forms: dict[tuple[object, ...], list[Task]] = {}
            for task in domain.tasks:
                lost = self._shares[name][task.name] > 0.0
                forms.setdefault((task.kind, task.outputs, lost), []).append(task)
            for form, tasks in forms.items():
                unit = _Unit(name, tuple(tasks))
                found.setdefault((*form, len(tasks)), []).append(unit)
        return list(found.values())

    def _features(self, drawn: Mapping[str, Batch]) -> tuple[Features, dict[object, Tensor]]:
        """z [B, d] of each task of each domain; and of D domains in one pass [D, B, d].

        The latter by their names.
        """
        z: Features = {}
        passes: dict[object, Tensor] = {}
        for names in self._in_one_pass(drawn):
            first = drawn[names[0]]
            if len(names) <= FEW:
                for name in names:
                    tasks, batch = self._domains[name].tasks, drawn[name]
                    found = self._model.features(batch.inputs, name, tasks, batch.passed)
                    z[name] = _each_widened(found)
                continue
            inputs = stacked([drawn[name].inputs for name in names]).flatten(0, 1)
            rows = widened(self._model.trunk(inputs, names[0], passed=first.passed))
            passes[names] = rows.reshape(len(names), -1, *rows.shape[1:])
            for name, own in zip(names, passes[names].unbind(), strict=True):
                z[name] = dict.fromkeys(self._keys[name], own)
        return z, passes

    def _in_one_pass(self, drawn: Mapping[str, Batch]) -> list[tuple[str, ...]]:
        """The names of the domains, those together that may go through φ in one pass."""
        model = self._model
        if len(drawn) <= FEW or model.task_specific == "towers":
            return [(name,) for name in drawn]
        free = {b: by_rows(model.backbone, b) for b in {each.passed for each in drawn.values()}}
        passes: dict[object, list[str]] = {}
        for name, batch in drawn.items():
            form: object = (batch.inputs.shape, batch.inputs.dtype, batch.passed)
            if not free[batch.passed] or not self._keys[name]:
                form = name
            passes.setdefault(form, []).append(name)
        together: list[tuple[str, ...]] = []
        for names in passes.values():
            most = max(1, NUMBERS // max(1, drawn[names[0]].inputs.numel()))
            together += [tuple(names[k : k + most]) for k in range(0, len(names), most)]
        return together

    def _compute(
        self,
        block: _Block,
        drawn: Mapping[str, Batch],
        z: Features,
        passes: Mapping[object, Tensor],
        outputs: dict[TaskKey, Tensor],
        losses: dict[TaskKey, Tensor],
    ) -> None:
        """Add outputs and losses of the tasks of a block to those that are there."""
        units, keys, shares = block.units, block.keys, block.shares
        labels = [drawn[key.domain].labels[key.task] for key in keys] if shares[0] > 0.0 else []
        if len(keys) <= FEW or self._model.task_specific == "towers":
            for key in keys:
                outputs[key] = widened(self._model.output(key, z[key.domain][key.task]))
            for task, key, truth, share in zip(block.tasks, keys, labels, shares, strict=False):
                losses[key] = task_loss(task, outputs[key], truth, share)
            return
        inputs = passes.get(tuple(unit.domain for unit in units))
        if inputs is None:
            inputs = stacked([z[unit.domain][unit.tasks[0].name] for unit in units])
        W = stacked(block.weights) if block.W is None else block.W
        b = stacked(block.biases) if block.b is None else block.b
        said = widened(outputs_of(W, b, inputs))
        outputs |= zip(keys, said.transpose(1, 2).unbind(), strict=True)
        if labels:
            found = task_losses(block.tasks, said, labels, shares)
            losses |= zip(keys, found.unbind(), strict=True)


def forward(model: Model, domain: Domain, batch: Batch, shares: Shares) -> Step:
    """One pass of one domain, by itself."""
    name = domain.name
    return Forward(model, {name: domain}, {name: shares})({name: batch})[name]


def widened(tensor: Tensor) -> Tensor:
    """What autocast has left in bfloat16 in float32: losses and penalties are not to round so."""
    return tensor.float() if tensor.dtype == torch.bfloat16 else tensor


def _each_widened(features: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The z [B, d] of each task, widened; one tensor stays one for all its tasks."""
    once = {id(z): z for z in features.values()}
    by_identity = {identity: widened(z) for identity, z in once.items()}
    return {name: by_identity[id(z)] for name, z in features.items()}
