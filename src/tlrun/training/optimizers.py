"""Optimisers and learning-rate schedules: specifications that are checked without torch.

What they build is torch's own. A schedule runs over the `steps` of one stage: `constant` keeps lr;
`linear` and `cosine` take it from lr to 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import Range

if TYPE_CHECKING:
    from torch.nn import Parameter
    from torch.optim import Optimizer as TorchOptimizer
    from torch.optim.lr_scheduler import LRScheduler

Rate = Annotated[float, Range(0.0, 1e3)]


@dataclass(frozen=True)
class Optimizer(ABC):
    """What every optimiser has: the learning rate lr, its schedule over a stage, weight decay."""

    lr: Rate = 1e-3
    weight_decay: Rate = 0.0
    schedule: Literal["constant", "linear", "cosine"] = "constant"

    @abstractmethod
    def build(self, parameters: Sequence[Parameter]) -> TorchOptimizer:
        """torch's optimiser over `parameters`, at the learning rate lr."""

    def schedule_of(self, optimizer: TorchOptimizer, steps: int) -> LRScheduler:
        """torch's schedule of the learning rate of `optimizer`, over a stage of `steps` updates.

        Of update n = 0, 1, …: lr (constant), lr · (1 - n/steps) (linear), or
        lr · (1 + cos(π n/steps)) / 2 (cosine: Loshchilov and Hutter, SGDR, 2017, without restarts).
        """
        from torch.optim import lr_scheduler

        if self.schedule == "linear":
            return lr_scheduler.LinearLR(
                optimizer, start_factor=1.0, end_factor=0.0, total_iters=steps
            )
        if self.schedule == "cosine":
            return lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
        return lr_scheduler.ConstantLR(optimizer, factor=1.0, total_iters=0)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015, algorithm 1); weight_decay adds the L2 penalty's gradient."""

    def build(self, parameters: Sequence[Parameter]) -> TorchOptimizer:
        """torch's Adam over `parameters`, with its own defaults for all but the fields here."""
        from torch.optim import Adam as TorchAdam

        return TorchAdam(parameters, lr=self.lr, weight_decay=self.weight_decay)


@dataclass(frozen=True)
class Adamw(Optimizer):
    """AdamW (Loshchilov and Hutter, 2019, algorithm 2): Adam with decoupled weight decay."""

    weight_decay: Rate = 0.01

    def build(self, parameters: Sequence[Parameter]) -> TorchOptimizer:
        """torch's AdamW over `parameters`, with its own defaults for all but the fields here."""
        from torch.optim import AdamW

        return AdamW(parameters, lr=self.lr, weight_decay=self.weight_decay)


@dataclass(frozen=True)
class Sgd(Optimizer):
    """Stochastic gradient descent: v ← momentum·v + g, w ← w - lr·v, with g the gradient.

    weight_decay adds the L2 penalty's gradient to g. nesterov: w ← w - lr·(g + momentum·v) instead,
    Nesterov's step. Raises UserError for that without momentum.
    """

    lr: Rate = 0.1
    momentum: Annotated[float, Range(0.0, 1.0)] = 0.9
    nesterov: bool = False

    def __post_init__(self) -> None:
        if self.nesterov and self.momentum == 0.0:
            expected = "more than 0 with optimizer.nesterov=true"
            raise UserError(Mistake("optimizer.momentum", expected, found="0"))

    def build(self, parameters: Sequence[Parameter]) -> TorchOptimizer:
        """torch's SGD over `parameters`."""
        from torch.optim import SGD

        return SGD(
            parameters,
            lr=self.lr,
            momentum=self.momentum,
            weight_decay=self.weight_decay,
            nesterov=self.nesterov,
        )
