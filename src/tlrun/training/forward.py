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
from tlrun.models.side_by_side import outputs_of
from tlrun.training.losses import task_loss, task_losses

if TYPE_CHECKING:
    from torch import Tensor

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


class Forward:
    """The forward passes of the updates of a stage.

    model: as long as it is one and the same. domains: those that are drawn, by name, in order.
    shares: of the training examples of each, how many carry the label of each task, in [0, 1]; a
    task that none carries has no loss.
    """

    def __init__(
        self, model: Model, domains: Mapping[str, Domain], shares: Mapping[str, Shares]
    ) -> None:
        self._model, self._domains, self._shares = model, domains, shares
        self._keys = {
            name: {task.name: TaskKey(name, task.name) for task in domain.tasks}
            for name, domain in domains.items()
        }
        self._blocks = self._of_one_form()
        heads = {key: model.head_of(key) for keys in self._keys.values() for key in keys.values()}
        self._weights = {key: head.weight for key, head in heads.items()}
        self._biases = {key: head.bias for key, head in heads.items()}

    def __call__(self, drawn: Mapping[str, Batch]) -> Steps:
        """Of each domain z [B, d], and output [B, k] and loss L_i of every task, with gradient.

        drawn: a batch of each domain.
        """
        z, passes = self._features(drawn)
        outputs: dict[TaskKey, Tensor] = {}
        losses: dict[TaskKey, Tensor] = {}
        for units in self._blocks:
            sizes = {len(drawn[unit.domain].inputs) for unit in units}
            for size in sorted(sizes):
                alike = units
                if len(sizes) > 1:
                    alike = [unit for unit in units if len(drawn[unit.domain].inputs) == size]
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
            inputs = torch.cat([drawn[name].inputs for name in names])
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
        units: Sequence[_Unit],
        drawn: Mapping[str, Batch],
        z: Features,
        passes: Mapping[object, Tensor],
        outputs: dict[TaskKey, Tensor],
        losses: dict[TaskKey, Tensor],
    ) -> None:
        """Add outputs and losses of the tasks in units of one form to those that are there."""
        tasks = [task for unit in units for task in unit.tasks]
        keys = [self._keys[unit.domain][task.name] for unit in units for task in unit.tasks]
        shares = [self._shares[key.domain][key.task] for key in keys]
        labels = [drawn[key.domain].labels[key.task] for key in keys] if shares[0] > 0.0 else []
        if len(keys) <= FEW or self._model.task_specific == "towers":
            for key in keys:
                outputs[key] = widened(self._model.output(key, z[key.domain][key.task]))
            for task, key, truth, share in zip(tasks, keys, labels, shares, strict=False):
                losses[key] = task_loss(task, outputs[key], truth, share)
            return
        inputs = passes.get(tuple(unit.domain for unit in units))
        if inputs is None:
            inputs = torch.stack([z[unit.domain][unit.tasks[0].name] for unit in units])
        weights, biases = [self._weights[key] for key in keys], [self._biases[key] for key in keys]
        said = widened(outputs_of(weights, biases, inputs))
        outputs |= zip(keys, said.transpose(1, 2).unbind(), strict=True)
        if labels:
            losses |= zip(keys, task_losses(tasks, said, labels, shares).unbind(), strict=True)


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
