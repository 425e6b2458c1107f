"""The updates of `training/optimizers.py` for a stack: every slot at a rate and decay of its own.

torch's kernels take one rate for all. The arithmetic is that of theirs, in the same order, so that
a slot moves as it would alone up to rounding.

Shapes: [F, T, …] of parameters, gradients and moments; F tiles, T slots.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch

from tlrun.training.optimizers import BETA_1, BETA_2, EPSILON, Adam, Adamw, Sgd

if TYPE_CHECKING:
    from torch import Tensor

    from tlrun.training.optimizers import Optimizer


@dataclass(frozen=True)
class Slots:
    """One parameter of every run: what an update reads and moves, in place.

    weights, gradient: [F, T, …]. moments: of the same shape, those of the optimizer. room: of that
    shape too, for what is computed on the way; fresh memory each time would cost more than the
    arithmetic.
    """

    weights: Tensor
    gradient: Tensor
    moments: Sequence[Tensor]
    room: Tensor


Update = Callable[[Slots, "Tensor", int], None]  # (slots, lr a slot, update number from 1)


class StackedUpdates:
    """An optimizer at work on a stack.

    optimizer: of any member; they differ in lr and weight_decay alone. parameters: [F, T, …] each,
    with the tensors that hold their gradients. decay: weight_decay [F, T].
    Raises TypeError for an optimizer that has no stacked form (`stacks`).
    """

    def __init__(
        self, optimizer: Optimizer, parameters: Sequence[tuple[Tensor, Tensor]], decay: Tensor
    ) -> None:
        self._update, self._apart = _update_of(optimizer)
        self._decay = decay if bool(decay.any()) else None  # nothing is added by 0 · w
        self._slots = []
        for weights, gradient in parameters:
            moments = [torch.zeros_like(weights) for _ in optimizer.moments]
            self._slots.append(Slots(weights, gradient, moments, torch.empty_like(weights)))
        self.made = 0

    def step(self, rates: Tensor) -> None:
        """One update of every parameter by its gradient. rates: lr [F, T] of this update."""
        self.made += 1
        for slots in self._slots:
            lr = _beside(rates, slots.weights)
            if self._decay is not None:
                decay = _beside(self._decay, slots.weights)
                if self._apart:  # AdamW: w ← (1 - lr · decay) w
                    slots.weights.mul_(1.0 - lr * decay)
                else:  # the gradient of the L2 penalty
                    slots.gradient.addcmul_(decay, slots.weights)
            self._update(slots, lr, self.made)


def stacks(optimizer: Optimizer) -> bool:
    """Whether an optimizer has a stacked form: the three that tl-run has, and none of a plug-in."""
    return type(optimizer) in (Adam, Adamw, Sgd)


def _update_of(optimizer: Optimizer) -> tuple[Update, bool]:
    """How an optimizer updates, and whether its weight decay stands apart from the gradient."""
    if type(optimizer) in (Adam, Adamw):
        return _adaptive, type(optimizer) is Adamw
    if type(optimizer) is Sgd:
        return partial(_descent, optimizer), False
    raise TypeError(f"expected adam, adamw or sgd, found {type(optimizer).__name__}")


def _descent(sgd: Sgd, slots: Slots, lr: Tensor, n: int) -> None:  # noqa: ARG001  # as every update
    """v ← momentum·v + g, w ← w - lr·v; or by Nesterov w ← w - lr·(g + momentum·v)."""
    (velocity,) = slots.moments
    velocity.mul_(sgd.momentum).add_(slots.gradient)
    way = velocity
    if sgd.nesterov:
        way = slots.gradient.add_(velocity, alpha=sgd.momentum)
    slots.weights.addcmul_(-lr, way)


def _adaptive(slots: Slots, lr: Tensor, n: int) -> None:
    """w ← w - lr · u, u the step of `optimizers.Adam` at a rate of 1.

    torch's kernel, which knows one rate alone, makes -u of a weight of 0: one pass over memory
    instead of six.
    """
    from torch.optim.adam import adam

    mean, square = slots.moments
    slots.room.zero_()
    adam(
        [slots.room],
        [slots.gradient],
        [mean],
        [square],
        [],
        [torch.tensor(float(n - 1))],  # which the kernel counts up
        fused=True,
        amsgrad=False,
        beta1=BETA_1,
        beta2=BETA_2,
        lr=1.0,
        weight_decay=0.0,
        eps=EPSILON,
        maximize=False,
    )
    slots.weights.addcmul_(lr, slots.room)


def _beside(values: Tensor, parameter: Tensor) -> Tensor:
    """A number a slot, [F, T], in the shape that multiplies [F, T, …]."""
    return values.view(*values.shape, *[1] * (parameter.ndim - 2))
