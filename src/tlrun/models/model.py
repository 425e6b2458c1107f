"""Model: backbone φ, one head w_i per task, and BatchNorm statistics per domain."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.func import functional_call

from tlrun.core.seeding import drawing_from, stream

if TYPE_CHECKING:
    from typing import Literal

    from tlrun.core.problem import Task
    from tlrun.models.backbone import Backbone, TaskSpecific

SHARED = "*"  # stands for every domain, or every task, in the name of what they share


class Statistics(nn.Module):
    """One domain's copy of the backbone's buffers: the running mean and variance of its BatchNorm
    layers.
    """

    def __init__(self, buffers: Mapping[str, Tensor]) -> None:
        super().__init__()
        # a buffer's own name cannot hold a dot
        self.names = {name: name.replace(".", "-") for name in buffers}
        for name, buffer in buffers.items():
            self.register_buffer(self.names[name], buffer.detach().clone())

    def current(self) -> dict[str, Tensor]:
        """The tensors themselves, by their names in the backbone; BatchNorm updates them in
        place.
        """
        return {name: self.get_buffer(own) for name, own in self.names.items()}


class Trunk(nn.Module):
    """φ, with statistics of BatchNorm per domain.

    A batch of one domain neither reads nor moves another's statistics, so that λ=∞ is the limit of
    large λ. A domain that was never trained on borrows those of one that was (the first by name).

    So λ=0 is *not* the limit of small λ where φ has BatchNorm: at λ=0 the target borrows the
    source's statistics, at any λ > 0 it has its own. The step between them is that of adapting the
    statistics (AdaBN, Li et al., 2017).
    """

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        # by domain and a slash, for no attribute of a module is called so
        self.statistics = nn.ModuleDict()

    def forward(self, inputs: Tensor, domain: str, aside: bool = False) -> Tensor:
        """z [B, d] of inputs [B, …] that come from `domain`. aside: a look, which moves no
        statistics.
        """
        buffers = self._buffers_for(domain)
        if aside:
            buffers = {name: buffer.clone() for name, buffer in buffers.items()}
        z: Tensor = (
            functional_call(self.backbone, buffers, (inputs,)) if buffers else self.backbone(inputs)
        )
        return z

    def track(self, domains: Iterable[str]) -> None:
        """Give each of `domains` statistics of its own from here on, starting from those it has
        borrowed so far.
        """
        new = [name for name in domains if f"{name}/" not in self.statistics]
        self.statistics.update({f"{name}/": Statistics(self._buffers_for(name)) for name in new})

    def take(self, other: Trunk) -> None:
        """Copy φ, and every domain's statistics, from `other`."""
        self.backbone.load_state_dict(other.backbone.state_dict())
        for key, theirs in other.statistics.items():
            assert isinstance(theirs, Statistics)
            self.statistics[key] = Statistics(theirs.current())

    def extractor(self, domain: str) -> dict[str, Tensor]:
        """Every tensor that decides the features of `domain`, by name: φ's parameters, and the
        domain's statistics.
        """
        return dict(self.backbone.named_parameters()) | self._buffers_for(domain)

    def _buffers_for(self, domain: str) -> dict[str, Tensor]:
        owner = (
            f"{domain}/" if f"{domain}/" in self.statistics else min(self.statistics, default=None)
        )
        if owner is None:
            return dict(self.backbone.named_buffers())
        statistics = self.statistics[owner]
        assert isinstance(statistics, Statistics)
        return statistics.current()


class Model(nn.Module):
    """z = φ(x), output_i = w_i·z + b_i.

    backbone: φ. features: d, the width of z. domains: the tasks of each domain; a head is linear, d
        → k.
    task_specific: what a task of a domain has for itself.
        nothing  one φ; one head a label space, for all domains that have it
        biases   one φ and one weight for every head; a bias for each task of each domain
        heads    one φ; a head for each task of each domain
        towers   a φ and a head for each task of each domain, every φ starting from the same weights
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
        named = {f"{name}/{task.name}": task for name, tasks in domains.items() for task in tasks}
        towers = list(named) if task_specific == "towers" else [SHARED]
        self.trunks = nn.ModuleDict(
            {
                k: Trunk(copy.deepcopy(backbone) if task_specific == "towers" else backbone)
                for k in towers
            }
        )
        heads = {
            self._head_key(unit): nn.Linear(features, task.outputs) for unit, task in named.items()
        }
        if task_specific == "biases":
            first = next(iter(heads.values()))
            for head in heads.values():
                head.weight = first.weight
        self.heads = nn.ModuleDict(heads)
        self.extras = nn.Module()
        self.teacher: tuple[Model, ...] = ()  # in a tuple, which torch does not look into

    def _head_key(self, unit: str) -> str:
        return f"{SHARED}/{unit.partition('/')[2]}" if self.task_specific == "nothing" else unit

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

    def trunk_of(self, unit: str) -> Trunk:
        """φ of the task `unit`, a domain and a task with a slash between."""
        trunk = self.trunks[unit if self.task_specific == "towers" else SHARED]
        assert isinstance(trunk, Trunk)
        return trunk

    def head_of(self, unit: str) -> nn.Linear:
        """w of the task `unit`. Raises KeyError where it has none."""
        head = self.heads[self._head_key(unit)]
        assert isinstance(head, nn.Linear)
        return head

    def has_head(self, unit: str) -> bool:
        """Whether there is a head for the task `unit`."""
        return self._head_key(unit) in self.heads

    def track(self, domains: Iterable[str]) -> None:
        """Give each of `domains` statistics of its own from here on; a tower those of its own
        domain alone.
        """
        for key, trunk in self.trunks.items():
            assert isinstance(trunk, Trunk)
            trunk.track(name for name in domains if key == SHARED or name == key.partition("/")[0])

    def features(self, inputs: Tensor, domain: str, tasks: Iterable[Task]) -> dict[str, Tensor]:
        """z [B, d] of inputs [B, …] from `domain`, by the name of the task: one pass where tasks
        share φ.
        """
        names = [task.name for task in tasks]
        if self.task_specific == "towers":
            return {name: self.trunk_of(f"{domain}/{name}")(inputs, domain) for name in names}
        return dict.fromkeys(names, self.trunk(inputs, domain)) if names else {}

    def output(self, unit: str, features: Tensor) -> Tensor:
        """The answer [B, k] of the head of the task `unit` to features z [B, d]."""
        answer: Tensor = self.head_of(unit)(features)
        return answer

    def load_backbone(self, other: Model) -> None:
        """Copy φ, and every domain's statistics, from `other`; both have but one."""
        self.trunk.take(other.trunk)

    def load_heads(self, other: Model) -> None:
        """Copy from `other` the heads of the tasks that both have.

        Where it has several for a label space, one for each domain, and this model one for all,
        their mean is taken.
        """
        for key, head in self.heads.items():
            task = key.partition("/")[2]
            theirs = [other.heads[key]] if key in other.heads else []
            theirs = theirs or [
                head for name, head in other.heads.items() if name.partition("/")[2] == task
            ]
            if theirs:
                states = [each.state_dict() for each in theirs]
                head.load_state_dict(
                    {name: sum(s[name] for s in states) / len(states) for name in states[0]}
                )

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
        """Hold φ fixed, or let it go: frozen parameters get no gradient."""
        self.trunks.requires_grad_(not frozen)

    def update_buffers(self, found: Mapping[str, Tensor]) -> None:
        """Keep what an equation has found on its way in the buffers of `extras` that have its
        names.
        """
        for name, tensor in found.items():
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
    """
    with drawing_from(stream(seed, "source-init" if init == "source" else "target-init")):
        model = Model(backbone.build(shape), backbone.width(shape), domains, task_specific)
    for key, head in model.heads.items():
        assert isinstance(head, nn.Linear)
        with drawing_from(stream(seed, "head-init", init, key.partition("/")[2])):
            head.reset_parameters()
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
    """Fill a model of the same backbone and tasks with what `state` gave, and return it."""
    parts = [name.split(".") for name in tensors]
    model.track(
        dict.fromkeys(
            p[3].removesuffix("/") for p in parts if p[0] == "trunks" and p[2] == "statistics"
        )
    )
    model.load_state_dict(tensors)
    return model
