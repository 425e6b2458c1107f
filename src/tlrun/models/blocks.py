"""φ in parts: which of it is trained, and what of it can be computed once.

φ is a chain of modules where it is an nn.Sequential, else one module. A block begins with each
module of the chain that has a weight tensor, and goes on to the next; what stands before the first
belongs to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase  # what all of torch's layers with statistics are

from tlrun.core.errors import Mistake, UserError
from tlrun.models.backbone import TrainedPart

NORMALISING = (_NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)


def chain(phi: nn.Module) -> list[nn.Module]:
    """The modules that φ computes one after another."""
    return list(phi) if isinstance(phi, nn.Sequential) else [phi]


def blocks(phi: nn.Module) -> list[slice]:
    """Which modules of the chain each block has, in order."""
    modules = chain(phi)
    starts = []
    for position, module in enumerate(modules):
        if any(parameter.ndim > 1 for parameter in module.parameters()):
            starts.append(position)
    starts = [0, *starts[1:]]
    return [slice(a, b) for a, b in zip(starts, [*starts[1:], len(modules)], strict=True)]


def first_free(phi: nn.Module, trained: TrainedPart) -> int:
    """How many modules of the chain come before the first that is trained.

    What they compute does not change while a stage trains.
    """
    if trained == "head":
        return len(chain(phi))
    return blocks(phi)[-1].start if trained == "last" else 0


def free(phi: nn.Module, trained: TrainedPart) -> None:
    """Let go what is trained of φ, and hold the rest fixed: fixed parameters get no gradient.

    Raises UserError where φ has no such part.
    """
    phi.requires_grad_(trained == "all")
    for module in _free_modules(phi, trained):
        module.requires_grad_(True)


def set_training_mode(phi: nn.Module, trained: TrainedPart) -> None:
    """Put what is trained of φ in training mode, and the rest in eval mode.

    Else dropout would change features that are to stay, and BatchNorm its statistics.
    """
    phi.train(trained == "all")
    for module in _free_modules(phi, trained):
        module.train()


def part(phi: nn.Module, which: slice) -> nn.Module:
    """The modules of the chain in a slice, as one; their tensors have the names they have in φ."""
    return phi[which] if isinstance(phi, nn.Sequential) else phi


def tensors_in(phi: nn.Module, which: slice, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Those of some tensors, by their names in φ, that are of a module in a slice of the chain."""
    if not isinstance(phi, nn.Sequential):
        return dict(tensors)
    modules = [name for name, _ in phi.named_children()][which]
    return {name: t for name, t in tensors.items() if name.partition(".")[0] in modules}


def _free_modules(phi: nn.Module, trained: TrainedPart) -> Sequence[nn.Module]:
    """The modules that are trained, where they are some of φ. Raises UserError for none."""
    if trained in ("all", "head"):
        return []
    if trained == "norm":
        found = [module for module in phi.modules() if isinstance(module, NORMALISING)]
        if not found:
            raise _no_part("norm", "a backbone with layers that normalise", "none")
        return found
    parts = blocks(phi)
    if len(parts) < 2:
        raise _no_part(trained, "a backbone of several blocks", "one")
    return chain(phi)[parts[-1 if trained == "last" else 0]]


def _no_part(trained: TrainedPart, expected: str, found: str) -> UserError:
    mistake = Mistake("strategy.train", f"{expected} for train={trained}", found, "try {key}=all")
    return UserError(mistake)
