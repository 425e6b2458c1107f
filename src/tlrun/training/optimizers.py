"""Optimisers and learning-rate schedules: specifications that are checked without torch.

The arithmetic is torch's own, its fused kernels by the functional API of `torch.optim`: one pass
over memory for an update, and no object of `torch.optim`, whose first construction imports a
compiler for a second or more. A schedule runs over the `steps` of one stage: `constant` keeps lr;
`linear` and `cosine` take it from lr to 0.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import Range
from tlrun.training.in_a_row import Trained, add_runs, laid_out_as, rows

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter

Rate = Annotated[float, Range(0.0, 1e3)]
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # of Adam and AdamW: the papers' and torch's defaults


@dataclass(frozen=True)
class Optimizer(ABC):
    """What every optimiser has: the learning rate lr, its schedule over a stage, weight decay.

    moments: the names of the tensors that it keeps for each parameter, of the parameter's shape.
    counts: whether it counts the updates of each.
    """

    lr: Rate = 1e-3
    weight_decay: Rate = 0.0
    schedule: Literal["constant", "linear", "cosine"] = "constant"

    moments: ClassVar[tuple[str, ...]]
    counts: ClassVar[bool] = True

    @abstractmethod
    def update(self, trained: Trained, lr: float) -> None:
        """Update the parameters and moments of `trained` in place: a step at learning rate `lr`."""

    def rate(self, n: int, steps: int) -> float:
        """The learning rate of update n = 0, 1, … of a stage of `steps` updates.

        lr (constant), lr · (1 - n/steps) (linear), or lr · (1 + cos(π n/steps)) / 2 (cosine:
        Loshchilov and Hutter, SGDR, 2017, without restarts).
        """
        if self.schedule == "linear":
            return self.lr * (1.0 - n / steps)
        if self.schedule == "cosine":
            return self.lr * (1.0 + math.cos(math.pi * n / steps)) / 2.0
        return self.lr


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015, algorithm 1); weight_decay adds the L2 penalty's gradient to g.

    Of update n = 1, 2, …, with g the gradient and m, v the moments `mean` and `square`, 0 at first:

        m ← β₁ m + (1-β₁) g,   v ← β₂ v + (1-β₂) g²
        w ← w - lr · m/(1-β₁ⁿ) / (√(v/(1-β₂ⁿ)) + ε)

    β₁ = 0.9, β₂ = 0.999, ε = 1e-8.
    """

    moments: ClassVar[tuple[str, ...]] = ("mean", "square")

    def update(self, trained: Trained, lr: float) -> None:
        """One step of torch's Adam, with its own defaults for all but the fields here."""
        from torch.optim.adam import adam

        _adaptive(adam, trained, lr, self.weight_decay)


@dataclass(frozen=True)
class Adamw(Optimizer):
    """AdamW (Loshchilov and Hutter, 2019, algorithm 2): Adam with decoupled weight decay.

    Before Adam's step w ← (1 - lr · weight_decay) w; g is the loss's gradient alone.
    """

    weight_decay: Rate = 0.01
    moments: ClassVar[tuple[str, ...]] = ("mean", "square")

    def update(self, trained: Trained, lr: float) -> None:
        """One step of torch's AdamW, with its own defaults for all but the fields here."""
        from torch.optim.adamw import adamw

        _adaptive(adamw, trained, lr, self.weight_decay)


@dataclass(frozen=True)
class Sgd(Optimizer):
    """Stochastic gradient descent: v ← momentum·v + g, w ← w - lr·v, with g the gradient.

    weight_decay adds the L2 penalty's gradient to g. nesterov: w ← w - lr·(g + momentum·v) instead,
    Nesterov's step. Raises UserError for that without momentum.
    """

    lr: Rate = 0.1
    momentum: Annotated[float, Range(0.0, 1.0)] = 0.9
    nesterov: bool = False
    moments: ClassVar[tuple[str, ...]] = ("velocity",)
    counts: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.nesterov and self.momentum == 0.0:
            expected = "more than 0 with optimizer.nesterov=true"
            raise UserError(Mistake("optimizer.momentum", expected, found="0"))

    def update(self, trained: Trained, lr: float) -> None:
        """One step of torch's SGD, from a velocity of 0."""
        from torch.optim.sgd import sgd

        sgd(
            trained.parameters,
            trained.gradients,
            list(trained.moments["velocity"]),
            fused=True,
            weight_decay=self.weight_decay,
            momentum=self.momentum,
            lr=lr,
            dampening=0.0,
            nesterov=self.nesterov,
            maximize=False,
        )


class Updates:
    """An optimizer at work: the parameters of one stage, their moments, and the updates made.

    optimizer: how. parameters: what is trained; those without a gradient in some step are left as
    they are in it, moments too. steps: updates of the stage, over which the schedule runs.
    made: updates so far. together: those among the parameters that may be updated together where
    they are many and small (`training/in_a_row.py`), which moves their last bits.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        parameters: Sequence[Parameter],
        steps: int,
        together: Iterable[Parameter] = (),
    ) -> None:
        import torch

        self._optimizer, self._steps = optimizer, steps
        self._parameters = list(parameters)
        self._rows = rows(self._parameters, together, optimizer.moments)
        self._moments: dict[str, list[Tensor]] = {}
        for name in optimizer.moments:
            self._moments[name] = [torch.zeros_like(p) for p in self._parameters]
        self._counts = [torch.zeros((), device=p.device) for p in self._parameters]
        in_rows: set[int] = set()
        for row in self._rows:
            in_rows.update(row.places)
            row.share(self._counts, self._moments)
        self._alone = [k for k in range(len(self._parameters)) if k not in in_rows]
        self.made = 0

    def leaves(self) -> list[tuple[list[Parameter], Tensor]]:
        """Parameters that are updated together, and the same numbers as one tensor [n, …], a leaf.

        What is computed from the leaf counts as computed from them: `step` adds its gradient to
        what they have themselves.
        """
        return [(row.parameters, row.leaf) for row in self._rows]

    def zero_grad(self) -> None:
        """Drop every gradient."""
        for k in self._alone:
            self._parameters[k].grad = None
        for row in self._rows:
            row.zero_grad()

    def step(self) -> None:
        """Update every parameter that has a gradient, at the rate of this update."""
        import torch

        reached = [k for k in self._alone if self._parameters[k].grad is not None]
        trained = Trained(
            parameters=[self._parameters[k] for k in reached],
            gradients=[laid_out_as(self._parameters[k]) for k in reached],
            moments={name: [kept[k] for k in reached] for name, kept in self._moments.items()},
            counts=[self._counts[k] for k in reached],
        )
        with torch.no_grad():
            runs = add_runs(self._rows, trained)
            self._optimizer.update(trained, self._optimizer.rate(self.made, self._steps))
            for row, which in runs if self._optimizer.counts else ():
                row.note(which)
        self.made += 1

    def state_dict(self) -> dict[str, Any]:
        """The moments, counts and updates made; the tensors are those themselves, no copies."""
        return {"made": self.made, "counts": self._counts, "moments": self._moments}

    def load_state_dict(self, saved: Mapping[str, Any]) -> None:
        """Take over what `state_dict` gave of the same optimizer over parameters of these shapes.

        Raises ValueError where names or shapes differ, and then takes over nothing.
        """
        moments = saved["moments"]
        if self._moments.keys() != moments.keys():
            expected, found = ", ".join(self._moments), ", ".join(moments)
            raise ValueError(f"expected the moments {expected}, found {found}")
        pairs = [("counts", self._counts, saved["counts"])]
        pairs += [(name, ours, moments[name]) for name, ours in self._moments.items()]
        for name, ours, theirs in pairs:
            if [tensor.shape for tensor in ours] != [tensor.shape for tensor in theirs]:
                raise ValueError(f"{name}: expected one for each parameter, of its shape")
        for _, ours, theirs in pairs:
            for tensor, kept in zip(ours, theirs, strict=True):
                tensor.copy_(kept)  # which keeps the layout in memory
        for row in self._rows:
            row.made[:] = [int(count) for count in row.counts.tolist()]
        self.made = saved["made"]


def _adaptive(
    function: Callable[..., None], trained: Trained, lr: float, weight_decay: float
) -> None:
    """A step of torch's adam or adamw, with their own defaults for what is no option here."""
    function(
        trained.parameters,
        trained.gradients,
        trained.moments["mean"],
        trained.moments["square"],
        [],
        trained.counts,
        fused=True,
        amsgrad=False,
        beta1=BETA_1,
        beta2=BETA_2,
        lr=lr,
        weight_decay=weight_decay,
        eps=EPSILON,
        maximize=False,
    )
