"""The forward passes of an update: of every domain drawn, what its tasks say and lose.

Many tasks are computed at once, which equals one after another up to rounding: domains whose inputs
have one shape go through φ in one pass, where φ computes each row by itself (`models/rowwise.py`),
and tasks of one kind and k have one product of their heads and one loss. A few, up to `FEW`, are
computed one after another, which is then as fast; so are towers, which are to be what each is
alone, to the bit.

Shapes: B examples in a batch, d features, k outputs of a head; D inputs of heads, S heads on each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from tlrun.core.objective import Known, Step, Steps
from tlrun.core.problem import Domain
from tlrun.core.task import TaskKey, short_names
from tlrun.data.batches import Batch
from tlrun.models.rowwise import by_rows
from tlrun.models.side_by_side import outputs_of, stacked
from tlrun.training.alike import Block, Blocks, Shares, add, hand_out, labels_of
from tlrun.training.losses import task_loss, task_losses

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter

    from tlrun.models.model import Model

FEW = 3
NUMBERS = 2**22  # of the inputs of a pass: they are copied for it
Features = dict[str, dict[str, "Tensor"]]  # z [B, d] by domain and task


@dataclass(frozen=True)
class _Pass:
    """What is known of a step so far: mappings by domain, and then by task.

    z: [B, d]. joined: of D domains in one pass [D, B, d], by their names. outputs, losses: of the
    tasks of the blocks that are computed.
    """

    drawn: Mapping[str, Batch]
    z: Features
    joined: Mapping[object, Tensor]
    outputs: dict[str, Mapping[str, Tensor]]
    losses: dict[str, Mapping[str, Tensor]]


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
        self._model, self._domains = model, domains
        self._of = Blocks(model, domains, shares, leaves)
        self._keys = {
            name: {task.name: TaskKey(name, task.name) for task in domain.tasks}
            for name, domain in domains.items()
        }
        keys = [key for own in self._keys.values() for key in own.values()]
        self._known = Known(self._keys, short_names(keys))
        self._blocks = self._of.all()
        parts = Counter(name for block in self._blocks for name in block.domains)
        self._in_several = {name for name, number in parts.items() if number > 1}

    def __call__(self, drawn: Mapping[str, Batch]) -> Steps:
        """Of each domain z [B, d], and output [B, k] and loss L_i of every task, with gradient.

        drawn: a batch of each domain.
        """
        z, joined = self._features(drawn)
        made = _Pass(drawn, z, joined, {}, {})
        sizes = {name: len(batch.inputs) for name, batch in drawn.items()}
        of_one_size = len(set(sizes.values())) == 1
        for block in self._blocks:
            if of_one_size:
                self._compute(block, made)
                continue
            for size in sorted({sizes[name] for name in block.domains}):
                alike = [unit for unit in block.units if sizes[unit.domain] == size]
                self._compute(self._of.block(alike), made)
        steps = Steps()
        steps.known = self._known
        for name, domain in self._domains.items():
            batch, said, lost = drawn[name], made.outputs.get(name, {}), made.losses.get(name, {})
            if name in self._in_several:  # in the order of the tasks again
                said = {task: said[task] for task in self._keys[name]}
                lost = {task: lost[task] for task in said if task in lost}
            steps[name] = Step(
                domain.role, batch.inputs, domain.tasks, z[name], said, lost, batch.passed
            )
        return steps

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

    def _compute(self, block: Block, made: _Pass) -> None:
        """Add outputs and losses of the tasks of a block to those that are there."""
        with_loss = block.shares[0] > 0.0
        if len(block.keys) <= FEW or self._model.task_specific == "towers":
            for task, key, share in zip(block.tasks, block.keys, block.shares, strict=True):
                said = widened(self._model.output(key, made.z[key.domain][key.task]))
                add(made.outputs, key.domain, {key.task: said})
                if with_loss:
                    truth = made.drawn[key.domain].labels[key.task]
                    add(made.losses, key.domain, {key.task: task_loss(task, said, truth, share)})
            return
        inputs = made.joined.get(block.domains)
        if inputs is None:
            inputs = stacked([made.z[unit.domain][unit.tasks[0].name] for unit in block.units])
        W = stacked(block.weights) if block.W is None else block.W
        b = stacked(block.biases) if block.b is None else block.b
        said = widened(outputs_of(W, b, inputs))
        hand_out(block, said.transpose(1, 2), made.outputs)
        if with_loss:
            truth = labels_of(block, made.drawn)
            hand_out(block, task_losses(block.tasks, said, truth, block.shares), made.losses)


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
