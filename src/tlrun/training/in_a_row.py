"""Parameters of one shape one after another in memory, so that many are updated as one.

An optimizer treats every number by itself, so it does not matter to the result, but for rounding.
It does to the time: of two tensors a task, such as a head's weight and bias, most of an update is
in getting from one to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Parameter

FEW = 8  # parameters of one shape that stay where they are
SMALL = 2**14  # numbers in a parameter, above which its own update takes the time


@dataclass(frozen=True)
class Trained:
    """The parameters that one step updates, and what goes with each: lists in one order.

    parameters, gradients: tensors of one shape. moments: what the optimizer keeps of it, by name,
    of that shape too. counts: the updates that it has had, float32 scalars.
    """

    parameters: list[Tensor]
    gradients: list[Tensor]
    moments: Mapping[str, list[Tensor]]
    counts: list[Tensor]


@dataclass(frozen=True)
class Row:
    """n parameters of one shape in a row.

    places: where they stand among all parameters. parameters: themselves. values: the same numbers,
    [n, …]. leaf: the same again, for which a gradient can be asked at once; what is computed from
    it counts as computed from the parameters. moments: what the optimizer keeps of them, by name,
    [n, …] too. counts: the updates that each has had, float32 [n]; `made` are the same numbers
    where looking at them costs nothing.
    """

    places: list[int]
    parameters: list[Parameter]
    values: Tensor
    leaf: Tensor
    moments: Mapping[str, Tensor]
    counts: Tensor
    made: list[int]

    def zero_grad(self) -> None:
        """Drop every gradient."""
        self.leaf.grad = None
        for parameter in self.parameters:
            parameter.grad = None

    def runs(self) -> Iterator[tuple[slice, Tensor]]:
        """Parameters that can be updated as one, from where to where, and their gradients [m, …].

        They have had equally many updates. A parameter without a gradient is in none; all have one
        where `leaf` has, and what they have themselves is added to it.
        """
        import torch

        own = [parameter.grad for parameter in self.parameters]
        found, none = self.leaf.grad, own.count(None) == len(own)
        if found is None:
            yield from () if none else self._runs_of(own)
            return
        if not none:
            zero = torch.zeros_like(found[0])
            found = found + torch.stack([zero if each is None else each for each in own])
        found = found.contiguous()  # as the parameters lie
        if self.made.count(self.made[0]) == len(own):
            yield slice(0, len(own)), found
        else:
            yield from self._runs_of(found.unbind())

    def _runs_of(self, gradients: Sequence[Tensor | None]) -> Iterator[tuple[slice, Tensor]]:
        """The runs, given the gradient of each parameter."""
        import torch

        start = 0
        while start < len(self.places):
            run: list[Tensor] = []
            for gradient, made in zip(gradients[start:], self.made[start:], strict=True):
                if gradient is None or made != self.made[start]:
                    break
                run.append(gradient)
            if run:
                yield slice(start, start + len(run)), torch.stack(run)
            start += max(1, len(run))

    def share(self, counts: list[Tensor], moments: Mapping[str, list[Tensor]]) -> None:
        """Put what is kept of each into lists of that of all parameters, at their places."""
        for number, place in enumerate(self.places):
            counts[place] = self.counts[number]
            for name, kept in self.moments.items():
                moments[name][place] = kept[number]

    def note(self, updated: slice) -> None:
        """Count an update of some, whose first the optimizer has counted already."""
        self.made[updated] = [made + 1 for made in self.made[updated]]
        if updated.stop - updated.start > 1:
            self.counts[updated] = self.counts[updated.start]


def rows(
    parameters: Sequence[Parameter], among: Iterable[Parameter], moments: Sequence[str]
) -> list[Row]:
    """Lay small parameters of one shape, where there are many, one after another in memory.

    They keep their values and stay the tensors that they are. parameters: all that are trained.
    among: those that may be moved. moments: the names of what is kept of each, 0 at first. The
    parameters that are in no row are left as they are.
    """
    import torch

    movable = {id(parameter) for parameter in among}
    alike: dict[object, list[int]] = {}
    for place, parameter in enumerate(parameters):
        small = parameter.is_contiguous() and 0 < parameter.numel() <= SMALL
        if small and id(parameter) in movable:
            shape = (parameter.shape, parameter.dtype, parameter.device)
            alike.setdefault(shape, []).append(place)
    found = []
    for places in alike.values():
        if len(places) > FEW:
            values = torch.stack([parameters[place].detach() for place in places])
            for place, own in zip(places, values, strict=True):
                parameters[place].data = own
            kept = {name: torch.zeros_like(values) for name in moments}
            counts = torch.zeros(len(places), device=values.device)
            leaf = values.detach().requires_grad_()
            ours = [parameters[place] for place in places]
            found.append(Row(places, ours, values, leaf, kept, counts, [0] * len(places)))
    return found


def add_runs(rows: Sequence[Row], trained: Trained) -> list[tuple[Row, slice]]:
    """Add to what is updated the parameters in rows, each run of them as one; the runs."""
    runs = []
    for row in rows:
        for which, gradients in row.runs():
            trained.parameters.append(row.values[which])
            trained.gradients.append(gradients)
            trained.counts.append(row.counts[which.start])
            for name, kept in row.moments.items():
                trained.moments[name].append(kept[which])
            runs.append((row, which))
    return runs


def laid_out_as(parameter: Tensor) -> Tensor:
    """The gradient of `parameter` in the parameter's own memory layout.

    torch's fused kernels walk through memory and take that for granted. Autograd gives it so; an
    equation that writes gradients by itself (`Strategy.backward`) need not.
    """
    import torch

    gradient = parameter.grad
    assert gradient is not None
    if gradient.stride() == parameter.stride():
        return gradient
    return torch.empty_like(parameter).copy_(gradient)
