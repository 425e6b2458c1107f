"""One φ as a module, with the statistics of its BatchNorm layers kept per domain.

Shapes: B examples in a batch, d features.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor, nn
from torch.func import functional_call


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
    large λ. A domain that was never trained on borrows those of one that was (the first by name).

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

    def forward(self, inputs: Tensor, domain: str, update_stats: bool = True) -> Tensor:
        """z [B, d] of inputs [B, …] that come from `domain`.

        update_stats: whether a pass in training mode moves the domain's running statistics; it
            normalises by the batch in any case.
        """
        buffers = self._buffers_for(domain)
        if not update_stats:
            buffers = {name: buffer.clone() for name, buffer in buffers.items()}
        if not buffers:
            z: Tensor = self.backbone(inputs)
            return z
        return functional_call(self.backbone, buffers, (inputs,))  # type: ignore[no-any-return]  # φ gives what it gives

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

    def extractor(self, domain: str) -> dict[str, Tensor]:
        """Every tensor that decides the features of `domain`, by its name in φ.

        These are φ's parameters and the domain's statistics.
        """
        return dict(self.backbone.named_parameters()) | self._buffers_for(domain)

    def _buffers_for(self, domain: str) -> dict[str, Tensor]:
        owner = statistics_name(domain)
        if owner not in self.statistics:
            if not self.statistics:
                return dict(self.backbone.named_buffers())
            owner = min(self.statistics)
        statistics = self.statistics[owner]
        assert isinstance(statistics, BatchNormStatistics)
        return statistics.current()


def statistics_name(domain: str) -> str:
    """What a trunk calls the statistics of `domain`: its name and a slash.

    No attribute of a module has a slash in its name, so none can be in the way.
    """
    return f"{domain}/"


def tracked_domain(name: str) -> str:
    """The domain for which `statistics_name` gave `name`."""
    return name.removesuffix("/")
