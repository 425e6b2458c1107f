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

from tlrun.core.task import TaskKey, tasks_by_key
from tlrun.models.blocks import free, set_training_mode
from tlrun.models.trunk import Trunk, tracked_domain

if TYPE_CHECKING:
    from tlrun.core.task import Task
    from tlrun.models.backbone import TaskSpecific, TrainedPart

# In place of a domain in the key of a head that all domains share, and the name of a shared φ.
SHARED = "*"


class Model(nn.Module):
    """z = φ(x) [B, d], output_i = w_i·z + b_i [B, k] of task i, for inputs x [B, …].

    Arguments:
    backbone: φ, a module from [B, …] to [B, d]. features: d, the width of z.
    domains: the tasks of each domain; the head of each is linear, from d to the task's k.
    task_specific: what a task of a domain has for itself.
        nothing  one φ; one head a label space, for all domains that have it
        biases   one φ and one weight for every head; a bias for each task of each domain
        heads    one φ; a head for each task of each domain
        towers   a φ and a head for each task of each domain, every φ starting from the same weights

    Attributes:
    trunks: each φ, by the text of the key of its task; under `SHARED` where there is one for all.
    heads: each w_i and b_i, by the text of its key in `head_keys`.
    head_keys: the key of each head, in order; where one head is for all domains, `SHARED` stands in
        it for the domain.
    extras: a module that holds the parameters and buffers which a strategy's equation needs and
        which are neither φ nor a head; empty until the strategy adds some.
    teacher: at most one finished model, which the equation compares with; none of its weights are
        weights of this model.
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
        heads: dict[TaskKey, nn.Linear] = {}
        for key, task in tasks.items():
            heads[self._head_key(key)] = nn.Linear(features, task.outputs)
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
        """φ of the task `key`: its own, or the only one.

        Raises KeyError where every task has its own and `key` is none of them.
        """
        trunk = self.trunks[str(key) if self.task_specific == "towers" else SHARED]
        assert isinstance(trunk, Trunk)
        return trunk

    def first_trunk(self, domain: str) -> Trunk:
        """The only φ, or that of the first task of `domain`.

        What is held fixed of φ is the same for every task, for all start from the same weights.
        """
        if self.task_specific != "towers":
            return self.trunk
        return self.trunk_of(next(key for key in self.head_keys if key.domain == domain))

    def head_of(self, key: TaskKey) -> nn.Linear:
        """w and b of the task `key`, a layer from [B, d] to [B, k]. Raises KeyError without one."""
        head = self.heads[str(self._head_key(key))]
        assert isinstance(head, nn.Linear)
        return head

    def has_head(self, key: TaskKey) -> bool:
        """Whether there is a head for the task `key`."""
        return self._head_key(key) in self.head_keys

    def track(self, domains: Iterable[str]) -> None:
        """Give each of `domains` BatchNorm statistics of its own from here on.

        A tower gets those of its own domain alone.
        """
        if self.task_specific != "towers":
            self.trunk.track(domains)
            return
        tracked = set(domains)
        for key in self.head_keys:
            self.trunk_of(key).track({key.domain} & tracked)

    def features(
        self, inputs: Tensor, domain: str, tasks: Iterable[Task], passed: int = 0
    ) -> dict[str, Tensor]:
        """z [B, d] of inputs [B, …] from `domain` for each of `tasks`, by the task's name.

        Where tasks share φ there is one pass, and they have one and the same tensor. passed: how
        many modules of that φ the inputs have been through.
        """
        names = [task.name for task in tasks]
        if not names:
            return {}
        if self.task_specific != "towers":
            return dict.fromkeys(names, self.trunk(inputs, domain, passed=passed))
        z = {}
        for name in names:
            z[name] = self.trunk_of(TaskKey(domain, name))(inputs, domain, passed=passed)
        return z

    def output(self, key: TaskKey, features: Tensor) -> Tensor:
        """w·z + b [B, k] of the task `key`, for features z [B, d]: logits, or predictions."""
        outputs: Tensor = self.head_of(key)(features)
        return outputs

    def load_backbone(self, other: Model) -> None:
        """Copy φ, and every domain's statistics, from `other`, whose φ is built alike.

        Raises ValueError where either model has several φ.
        """
        self.trunk.copy_from(other.trunk)

    def load_heads(self, other: Model) -> None:
        """Copy from `other` the heads of the tasks that both have; the others stay as they are.

        Where `other` has several for a label space, one for each domain, and this model one for
        all, their mean is taken.
        """
        for key in self.head_keys:
            theirs = [key] if key in other.head_keys else other.heads_for(key.task)
            if not theirs:
                continue
            states = [other.head_of(each).state_dict() for each in theirs]
            mean = {}
            for name in states[0]:
                mean[name] = sum(state[name] for state in states) / len(states)
            self.head_of(key).load_state_dict(mean)

    def heads_for(self, task: str) -> list[TaskKey]:
        """The keys of all heads for the task of this name, in order."""
        return [key for key in self.head_keys if key.task == task]

    def hold_at_zero(self, masks: Mapping[str, Tensor]) -> None:
        """Set the weights of φ whose mask is False to 0, and hold their gradient at 0 from now on.

        So they stay 0: with a gradient of 0, none of torch's optimisers moves a weight of 0, weight
        decay included.

        masks: bool, by the name of the weight in φ and of its shape.
        """
        for name, mask in masks.items():
            weight, pruned = self.backbone.get_parameter(name), ~mask.to(self.device)
            weight.data.masked_fill_(pruned, 0.0)
            weight.register_hook(partial(torch.masked_fill, mask=pruned, value=0.0))  # type: ignore[no-untyped-call]  # theirs

    def free(self, trained: TrainedPart) -> None:
        """Let go what is trained of every φ, and hold the rest fixed (`models/blocks.py`).

        Raises UserError where φ has no such part.
        """
        for trunk in self.trunks.values():
            assert isinstance(trunk, Trunk)
            free(trunk.backbone, trained)

    def set_training_mode(self, trained: TrainedPart) -> None:
        """Put the model in training mode, but in eval mode what is held fixed of any φ."""
        self.train()
        for trunk in self.trunks.values():
            assert isinstance(trunk, Trunk)
            set_training_mode(trunk.backbone, trained)

    def update_buffers(self, updates: Mapping[str, Tensor]) -> None:
        """Copy `updates` into the buffers of `extras` that have their names, without gradient.

        Raises AttributeError where there is no such buffer.
        """
        for name, tensor in updates.items():
            self.extras.get_buffer(name).copy_(tensor.detach())


def state(model: Model) -> dict[str, Tensor]:
    """Every parameter and buffer by name, ready to be stored: contiguous copies on the CPU."""
    tensors = {}
    for name, tensor in model.state_dict().items():
        tensors[name] = tensor.detach().to("cpu", copy=True).contiguous()
    return tensors


def restore(model: Model, tensors: Mapping[str, Tensor]) -> Model:
    """Fill a model of the same backbone and tasks with the `tensors` of `state`, and return it.

    Raises ValueError where names, shapes or types differ.
    """
    parts = [name.split(".") for name in tensors]
    tracked = [part[3] for part in parts if part[0::2][:2] == ["trunks", "statistics"] and part[3:]]
    model.track(dict.fromkeys(map(tracked_domain, tracked)))  # in order, each once
    both = (model.state_dict(), tensors)
    own, theirs = ({(n, str(t.dtype), t.shape) for n, t in each.items()} for each in both)
    if own != theirs:
        name = min(own ^ theirs)[0]
        raise ValueError(f"{name}: expected the tensors of this model, found others")
    model.load_state_dict(tensors)
    return model
