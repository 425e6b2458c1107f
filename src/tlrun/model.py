"""Model: one backbone φ, one head w_i per task, and BatchNorm statistics per domain."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.func import functional_call

from tlrun.seeding import drawing_from, stream

if TYPE_CHECKING:
    from typing import Literal

    from tlrun.core import Backbone
    from tlrun.problem import Task


class Statistics(nn.Module):
    """One domain's copy of the backbone's buffers: the running mean and variance of its BatchNorm layers."""

    def __init__(self, buffers: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.names = {name: name.replace(".", "-") for name in buffers}  # a buffer's own name cannot hold a dot
        for name, buffer in buffers.items():
            self.register_buffer(self.names[name], buffer.detach().clone())

    def current(self) -> dict[str, Tensor]:
        """The tensors themselves, by their names in the backbone; BatchNorm updates them in place."""
        return {name: self.get_buffer(own) for name, own in self.names.items()}


class Model(nn.Module):
    """z = φ(x), output_i = w_i·z + b_i.

    backbone: φ. features: d, the width of z. tasks: each gets a linear head d → k.

    Statistics of BatchNorm are kept per domain: a batch of one domain neither reads nor moves another's, so that λ=∞ is
    the limit of large λ. A domain that was never trained on borrows those of one that was (the first by name).

    So λ=0 is *not* the limit of small λ where φ has BatchNorm: at λ=0 the target borrows the source's statistics, at
    any λ > 0 it has its own. The step between them is that of adapting the statistics (AdaBN, Li et al., 2017).
    """

    def __init__(self, backbone: nn.Module, features: int, tasks: Iterable[Task]) -> None:
        super().__init__()
        self.backbone = backbone
        self.heads = nn.ModuleDict({task.name: nn.Linear(features, task.outputs) for task in tasks})
        self.statistics = nn.ModuleDict()

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.parameters()).device

    def track(self, domains: Iterable[str]) -> None:
        """Give each of `domains` statistics of its own from here on, starting from those it has borrowed so far."""
        started = {name: Statistics(self._buffers_for(name)) for name in domains if name not in self.statistics}
        self.statistics.update(started)

    def features(self, inputs: Tensor, domain: str) -> Tensor:
        """z [B, d] of inputs [B, …] that come from `domain`."""
        buffers = self._buffers_for(domain)
        z: Tensor = functional_call(self.backbone, buffers, (inputs,)) if buffers else self.backbone(inputs)
        return z

    def output(self, task: str, features: Tensor) -> Tensor:
        """The head's answer [B, k] to features z [B, d]."""
        answer: Tensor = self.heads[task](features)
        return answer

    def take_backbone(self, other: Model) -> None:
        """Copy φ, and every domain's statistics, from `other`."""
        self.backbone.load_state_dict(other.backbone.state_dict())
        for domain, theirs in other.statistics.items():
            assert isinstance(theirs, Statistics)
            self.statistics[domain] = Statistics(theirs.current())

    def take_heads(self, other: Model) -> None:
        """Copy from `other` the heads of the tasks that both have."""
        for task, head in self.heads.items():
            if task in other.heads:
                head.load_state_dict(other.heads[task].state_dict())

    def extractor(self, domain: str) -> dict[str, Tensor]:
        """Every tensor that decides the features of `domain`, by name: φ's parameters, and the domain's statistics."""
        return dict(self.backbone.named_parameters()) | self._buffers_for(domain)

    def hold_at_zero(self, masks: Mapping[str, Tensor]) -> None:
        """Set the weights of φ where its mask is False to 0, and keep them there, for their gradient is 0 from now on.

        masks: bool, by the name of the weight in φ. An update of 0 moves no weight of 0 in any of torch's optimisers,
        weight decay included.
        """
        for name, mask in masks.items():
            weight, pruned = self.backbone.get_parameter(name), ~mask.to(self.device)
            weight.data.masked_fill_(pruned, 0.0)
            weight.register_hook(partial(torch.masked_fill, mask=pruned, value=0.0))  # type: ignore[no-untyped-call]  # theirs

    def freeze_backbone(self, frozen: bool) -> None:
        """Hold φ fixed, or let it go: frozen parameters get no gradient."""
        self.backbone.requires_grad_(not frozen)

    def _buffers_for(self, domain: str) -> dict[str, Tensor]:
        owner = domain if domain in self.statistics else min(self.statistics, default=None)
        if owner is None:
            return dict(self.backbone.named_buffers())
        statistics = self.statistics[owner]
        assert isinstance(statistics, Statistics)
        return statistics.current()


def draw_model(
    backbone: Backbone, shape: tuple[int, ...], tasks: Iterable[Task], init: Literal["source", "target"], seed: int
) -> Model:
    """A model with fresh weights: φ from the stream `source-init` or `target-init`, each head from `head-init`.

    Every head has a stream of its own, by task and `init`, so that adding a task moves no other head's weights and a
    new head on an inherited φ is not the one φ was trained with.
    """
    with drawing_from(stream(seed, "source-init" if init == "source" else "target-init")):
        model = Model(backbone.build(shape), backbone.width(shape), tasks)
    for task, head in model.heads.items():
        assert isinstance(head, nn.Linear)
        with drawing_from(stream(seed, "head-init", init, task)):
            head.reset_parameters()
    return model


def state(model: Model) -> dict[str, Tensor]:
    """Every parameter and buffer by name, detached and contiguous on the CPU, ready to be stored."""
    return {name: tensor.detach().to("cpu", copy=True).contiguous() for name, tensor in model.state_dict().items()}


def restore(model: Model, tensors: Mapping[str, Tensor]) -> Model:
    """Fill a model of the same backbone and tasks with what `state` gave, and return it."""
    model.track(dict.fromkeys(name.split(".")[1] for name in tensors if name.startswith("statistics.")))
    model.load_state_dict(tensors)
    return model
