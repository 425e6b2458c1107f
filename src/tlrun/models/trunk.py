"""One φ as a module, with the statistics of its BatchNorm layers kept per domain.

Shapes: B examples in a batch, d features.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _NormBase  # what all of torch's layers with statistics are

from tlrun.models.blocks import chain, part, tensors_in

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


class BatchNormStatistics(nn.Module):
    """One domain's copy of φ's buffers: the running mean and variance of its BatchNorm layers.

    buffers: by their names in φ; they are copied.
    """

    def __init__(self, buffers: Mapping[str, Tensor]) -> None:
        super().__init__()
        # a buffer's own name cannot hold a dot
        self.names = {name: name.replace(".", "-") for name in buffers}
        for name, buffer in buffers.items():
            self.register_buffer(self.names[name], buffer.detach().clone())

    def current(self) -> dict[str, Tensor]:
        """The tensors themselves, by their names in φ; BatchNorm updates them in place."""
        return {name: self.get_buffer(stored) for name, stored in self.names.items()}


class Trunk(nn.Module):
    """φ, with statistics of BatchNorm per domain.

    A batch of one domain neither reads nor moves another's statistics, so that λ=∞ is the limit of
    large λ. A domain that was never trained on borrows the statistics of all domains that were,
    pooled (`pooled`); of one alone they are that one's.

    So λ=0 is *not* the limit of small λ where φ has BatchNorm: at λ=0 the target borrows the
    source's statistics, at any λ > 0 it has its own. The step between them is that of adapting the
    statistics (AdaBN, Li et al., 2017).

    backbone: φ, from [B, …] to [B, d]. statistics: those of each domain that has its own, by
        `statistics_name`.
    """

    def __init__(self, backbone: nn.Module) -> None:
        super().__init__()
        self.backbone = backbone
        self.statistics = nn.ModuleDict()

    def forward(
        self, inputs: Tensor, domain: str, update_stats: bool = True, passed: int = 0
    ) -> Tensor:
        """z [B, d] of inputs [B, …] that come from `domain`.

        update_stats: whether a pass in training mode moves the domain's running statistics; it
            normalises by the batch in any case.
        passed: how many modules of φ, in order, the inputs have been through already.
        """
        return self._computed(inputs, slice(passed, None), domain, update_stats)

    def through(self, inputs: Tensor, domain: str, modules: int) -> Tensor:
        """What the first `modules` of φ make of inputs [B, …]; of all, z [B, d]."""
        return self._computed(inputs, slice(modules), domain)

    def _computed(
        self, inputs: Tensor, which: slice, domain: str, update_stats: bool = True
    ) -> Tensor:
        """What a slice of φ's modules makes of inputs that come from `domain`."""
        phi, buffers = self.backbone, self._buffers_for(domain)
        modules = len(chain(phi))
        if which.indices(modules) != (0, modules, 1):
            if not chain(phi)[which]:
                return inputs
            phi, buffers = part(phi, which), tensors_in(phi, which, buffers)
        if not update_stats:
            buffers = {name: buffer.clone() for name, buffer in buffers.items()}
        if not buffers:
            z: Tensor = phi(inputs)
            return z
        return functional_call(phi, buffers, (inputs,))  # type: ignore[no-any-return]  # φ gives what it gives

    def track(self, domains: Iterable[str]) -> None:
        """Give each of `domains` statistics of its own from here on.

        They start from those that it has borrowed so far.
        """
        new = {}
        for domain in domains:
            name = statistics_name(domain)
            if name not in self.statistics:
                new[name] = BatchNormStatistics(self._buffers_for(domain))
        # all at once: none of them borrows from another that is new itself
        self.statistics.update(new)

    def copy_from(self, other: Trunk) -> None:
        """Copy φ's weights, and every domain's statistics, from `other`, whose φ is built alike."""
        self.backbone.load_state_dict(other.backbone.state_dict())
        for name, theirs in other.statistics.items():
            assert isinstance(theirs, BatchNormStatistics)
            self.statistics[name] = BatchNormStatistics(theirs.current())

    def extractor(self, domain: str, modules: int | None = None) -> dict[str, Tensor]:
        """Every tensor, by name, that decides what φ, or its first `modules`, make of `domain`.

        These are φ's parameters and the domain's statistics, or those that it borrows.
        """
        every = dict(self.backbone.named_parameters()) | self._buffers_for(domain)
        return tensors_in(self.backbone, slice(modules), every)

    def pooled_for(self, domain: str) -> set[str]:
        """The domains whose statistics `domain` borrows, pooled.

        Empty where it has its own, where it borrows those of one domain, or φ has no BatchNorm.
        """
        borrows = statistics_name(domain) not in self.statistics and len(self.statistics) > 1
        if not borrows or not _with_statistics(self.backbone):
            return set()
        return {tracked_domain(name) for name in self.statistics}

    def _buffers_for(self, domain: str) -> dict[str, Tensor]:
        owner = statistics_name(domain)
        if owner in self.statistics:
            return self._kept(owner)
        if not self.statistics:
            return dict(self.backbone.named_buffers())
        return pooled(self.backbone, {tracked_domain(n): self._kept(n) for n in self.statistics})

    def _kept(self, owner: str) -> dict[str, Tensor]:
        statistics = self.statistics[owner]
        assert isinstance(statistics, BatchNormStatistics)
        return statistics.current()


def pooled(backbone: nn.Module, kept: Mapping[str, Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The buffers of φ for a mixture of domains, as many examples from each; copies.

    The running mean m and variance v of a layer follow from the m_i and v_i of n domains by the law
    of total variance:

        m = Σ_i m_i / n,   v = Σ_i v_i / n + Σ_i (m_i - m)² / n

    in float64, and summed in an order that neither names nor order of the domains decide. Equal
    statistics are so pooled to themselves, to the bit.

    backbone: φ; its layers with statistics are those that torch marks as such by a common base,
        BatchNorm and InstanceNorm of any dimension. kept: of each domain, its buffers by their
        names in φ. The count of batches is the largest of theirs: they are equal where the domains
        are drawn in the same steps. Buffers of other layers, of which nobody knows what a mixture
        is, are those of the domain whose name comes first.
    """
    first = kept[min(kept)]
    mixed = {name: buffer.clone() for name, buffer in first.items()}
    for layer in _with_statistics(backbone):
        mean, variance, count = (f"{layer}{part}" for part in STATISTICS)
        means = _stacked([each[mean] for each in kept.values()])
        m = _mean(means)
        v = _mean(_stacked([each[variance] for each in kept.values()])) + _mean((means - m) ** 2)
        mixed[mean], mixed[variance] = m.to(first[mean].dtype), v.to(first[variance].dtype)
        mixed[count] = torch.stack([each[count] for each in kept.values()]).amax(dim=0)
    return mixed


def _with_statistics(backbone: nn.Module) -> list[str]:
    """What stands before the names of the statistics of each layer of φ that has any."""
    layers: list[str] = []
    for name, module in backbone.named_modules():
        if isinstance(module, _NormBase) and module.running_mean is not None:
            layers.append(f"{name}." if name else "")
    return layers


def _stacked(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(tensors)).double()


def _mean(stacked: Tensor) -> Tensor:
    """The mean over dimension 0, of whose order not even the last bit depends."""
    return stacked.sort(dim=0).values.sum(dim=0) / len(stacked)


def set_memory_format(
    trunks: nn.Module, memory_format: Literal["channels_last", "contiguous"]
) -> None:
    """Let the weights of two-dimensional convolutions in `trunks` lie in memory so, in place.

    No value changes. A convolution hands its outputs on in the format of its weights, so with them
    all features of images lie so too.
    """
    by_pixel = memory_format == "channels_last"
    layout = torch.channels_last if by_pixel else torch.contiguous_format
    for weight in trunks.parameters():
        if weight.ndim == 4:
            # not `contiguous`, which leaves weights of one channel as they are: they would not ask
            # for an output in that format
            weight.data = weight.data.to(memory_format=layout)


def statistics_name(domain: str) -> str:
    """What a trunk calls the statistics of `domain`: its name and a slash.

    No attribute of a module has a slash in its name, so none can be in the way.
    """
    return f"{domain}/"


def tracked_domain(name: str) -> str:
    """The domain for which `statistics_name` gave `name`."""
    return name.removesuffix("/")
