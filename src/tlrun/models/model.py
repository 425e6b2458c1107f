"""Model: backbone φ, and one head w_i per task.

Shapes: B examples in a batch, d features, k outputs of a head.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from tlrun.core.problem import TaskKey, tasks_by_key
from tlrun.core.seeding import drawing_from, stream
from tlrun.models.trunk import Trunk, tracked_domain

if TYPE_CHECKING:
    from typing import Literal

    from tlrun.core.problem import Task
    from tlrun.models.backbone import Backbone, TaskSpecific

# In place of a domain in the key of a head that all domains share, and the name of a shared φ.
SHARED = "*"


class Model(nn.Module):
    """z = φ(x), output_i = w_i·z + b_i.

    backbone: φ, a module from [B, …] to [B, d]. features: d, the width of z. domains: the tasks of
        each domain; a head is linear, d → k.
    task_specific: what a task of a domain has for itself.
        nothing  one φ; one head a label space, for all domains that have it
        biases   one φ and one weight for every head; a bias for each task of each domain
        heads    one φ; a head for each task of each domain
        towers   a φ and a head for each task of each domain, every φ starting from the same weights
    trunks: φ, by the text of the key of its task, or under `SHARED` where there is one. heads: w_i,
        by the text of its key in `head_keys`.
    head_keys: the key of each head, in order; `SHARED` stands in it where one head is for all
        domains.
    extras: what an equation has beside φ and w; teacher: a finished model that it looks at, no part
        of the weights.
    """

    def __init__(
        self,
        backbone: nn.Module,
        features: int,
        domains: Mapping[str, Sequence[Task]],
        task_specific: TaskSpecific = "nothing",
    ) -> None:
        super().__init__()
        self.task_specific, self.width = task_specific, features
        tasks = tasks_by_key(domains)
        if task_specific == "towers":
            trunks = {str(key): Trunk(copy.deepcopy(backbone)) for key in tasks}
        else:
            trunks = {SHARED: Trunk(backbone)}
        heads = {
            self._head_key(key): nn.Linear(features, task.outputs) for key, task in tasks.items()
        }
        if task_specific == "biases":
            first = next(iter(heads.values()))
            for head in heads.values():
                head.weight = first.weight
        self.trunks = nn.ModuleDict(trunks)
        self.heads = nn.ModuleDict({str(key): head for key, head in heads.items()})
        self.head_keys = tuple(heads)
        self.extras = nn.Module()
        self.teacher: tuple[Model, ...] = ()  # in a tuple, which torch does not look into

    def _head_key(self, key: TaskKey) -> TaskKey:
        """The key of the head that stands for the task `key`."""
        return TaskKey(SHARED, key.task) if self.task_specific == "nothing" else key

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    @property
    def trunk(self) -> Trunk:
        """The only φ. Raises ValueError where every task has its own."""
        (trunk,) = self.trunks.values()
        assert isinstance(trunk, Trunk)
        return trunk

    @property
    def backbone(self) -> nn.Module:
        """The module of the only φ. Raises ValueError where every task has its own."""
        return self.trunk.backbone

    def trunk_of(self, key: TaskKey) -> Trunk:
        """φ of the task `key`: its own, or the only one. Raises KeyError where it should have its
        own and has none.
        """
        trunk = self.trunks[str(key) if self.task_specific == "towers" else SHARED]
        assert isinstance(trunk, Trunk)
        return trunk

    def head_of(self, key: TaskKey) -> nn.Linear:
        """w of the task `key`, a linear layer from d to k. Raises KeyError where it has none."""
        head = self.heads[str(self._head_key(key))]
        assert isinstance(head, nn.Linear)
        return head

    def has_head(self, key: TaskKey) -> bool:
        """Whether there is a head for the task `key`."""
        return self._head_key(key) in self.head_keys

    def track(self, domains: Iterable[str]) -> None:
        """Give each of `domains` statistics of its own from here on; a tower those of its own
        domain alone.
        """
        if self.task_specific != "towers":
            self.trunk.track(domains)
            return
        tracked = set(domains)
        for key in self.head_keys:
            self.trunk_of(key).track({key.domain} & tracked)

    def features(self, inputs: Tensor, domain: str, tasks: Iterable[Task]) -> dict[str, Tensor]:
        """z [B, d] of inputs [B, …] from `domain` for each of its `tasks`, by the task's name: one
        pass, and one tensor, where they share φ.
        """
        names = [task.name for task in tasks]
        if self.task_specific == "towers":
            return {n: self.trunk_of(TaskKey(domain, n))(inputs, domain) for n in names}
        return dict.fromkeys(names, self.trunk(inputs, domain)) if names else {}

    def output(self, key: TaskKey, features: Tensor) -> Tensor:
        """w·z + b [B, k] of the task `key`, for features z [B, d]: logits, or a prediction."""
        outputs: Tensor = self.head_of(key)(features)
        return outputs

    def load_backbone(self, other: Model) -> None:
        """Copy φ, and every domain's statistics, from `other`, whose φ is built alike. Raises
        ValueError where either has several.
        """
        self.trunk.copy_from(other.trunk)

    def load_heads(self, other: Model) -> None:
        """Copy from `other` the heads of the tasks that both have; the others stay as they are.

        Where it has several for a label space, one for each domain, and this model one for all,
        their mean is taken.
        """
        for key in self.head_keys:
            theirs = [key] if key in other.head_keys else other.heads_for(key.task)
            if theirs:
                states = [other.head_of(each).state_dict() for each in theirs]
                self.head_of(key).load_state_dict(
                    {name: sum(s[name] for s in states) / len(states) for name in states[0]}
                )

    def heads_for(self, task: str) -> list[TaskKey]:
        """The keys of all heads for the task of this name."""
        return [key for key in self.head_keys if key.task == task]

    def hold_at_zero(self, masks: Mapping[str, Tensor]) -> None:
        """Set the weights of φ where its mask is False to 0, and keep them there, for their
        gradient is 0 from now on.

        masks: bool, by the name of the weight in φ. An update of 0 moves no weight of 0 in any of
        torch's optimisers, weight decay included.
        """
        for name, mask in masks.items():
            weight, pruned = self.backbone.get_parameter(name), ~mask.to(self.device)
            weight.data.masked_fill_(pruned, 0.0)
            weight.register_hook(partial(torch.masked_fill, mask=pruned, value=0.0))  # type: ignore[no-untyped-call]  # theirs

    def freeze_backbone(self, frozen: bool) -> None:
        """Hold every φ fixed, or let it go: frozen parameters get no gradient."""
        self.trunks.requires_grad_(not frozen)

    def update_buffers(self, updates: Mapping[str, Tensor]) -> None:
        """Copy `updates` into the buffers of `extras` that have their names, without gradient.
        Raises AttributeError where there is no such buffer.
        """
        for name, tensor in updates.items():
            self.extras.get_buffer(name).copy_(tensor.detach())


def draw_model(
    backbone: Backbone,
    shape: tuple[int, ...],
    domains: Mapping[str, Sequence[Task]],
    init: Literal["source", "target"],
    seed: int,
    task_specific: TaskSpecific = "nothing",
) -> Model:
    """A model with fresh weights: φ from the stream `source-init` or `target-init`, each head from
    `head-init`.

    Every head has a stream of its own, by task and `init`, so that adding a task moves no other
    head's weights and a new head on an inherited φ is not the one φ was trained with. Heads of one
    label space start alike in all domains.

    shape: of one input. domains: the tasks of each domain. init: where the model starts. seed: the
        run's.
    """
    with drawing_from(stream(seed, "source-init" if init == "source" else "target-init")):
        model = Model(backbone.build(shape), backbone.width(shape), domains, task_specific)
    for key in model.head_keys:
        with drawing_from(stream(seed, "head-init", init, key.task)):
            model.head_of(key).reset_parameters()
    return model


def state(model: Model) -> dict[str, Tensor]:
    """Every parameter and buffer by name, detached and contiguous on the CPU, ready to be
    stored.
    """
    return {
        name: tensor.detach().to("cpu", copy=True).contiguous()
        for name, tensor in model.state_dict().items()
    }


def restore(model: Model, tensors: Mapping[str, Tensor]) -> Model:
    """Fill a model of the same backbone and tasks with what `state` gave, and return it. Raises
    RuntimeError where names or shapes differ.
    """
    domains: dict[str, None] = {}  # in order, each once
    for name in tensors:
        parts = name.split(".")
        if parts[0] == "trunks" and parts[2] == "statistics":
            domains[tracked_domain(parts[3])] = None
    model.track(domains)
    model.load_state_dict(tensors)
    return model
