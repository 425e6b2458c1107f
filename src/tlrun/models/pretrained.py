"""What backbones with pretrained weights share: image sizes, paths of weights, filling φ. No torch.

tensors: of a file, by the names that they have there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tlrun.core.errors import Mistake, UserError
from tlrun.core.paths import path_to_read
from tlrun.models.backbone import WeightsFile

if TYPE_CHECKING:
    from torch import Tensor, nn

ENDINGS = (".pth", ".pt", ".safetensors", ".bin")
# BatchNorm counts its batches with it, to no effect; older files do not have it.
COUNT = "num_batches_tracked"
NAMED = 3  # names that an error gives as examples


def image_size(shape: tuple[int, ...], of: str, smallest: int = 1) -> tuple[int, int]:
    """Height and width of images of `shape` (C, H, W).

    of: the backbone. smallest: what both are at least.

    Raises UserError for an input that is no image, one that is neither grey nor of three colours,
    and one too small.
    """
    if len(shape) != 3:
        expected, found = f"images (C, H, W) for {of}", f"inputs of shape {shape}"
        raise UserError(Mistake("backbone", expected, found, "try backbone=mlp"))
    if shape[0] not in (1, 3):
        expected, found = f"images of 1 or 3 channels for {of}", f"{shape[0]} channels"
        raise UserError(Mistake("backbone", expected, found, "try backbone=conv"))
    if min(shape[1:]) < smallest:
        raise UserError(
            Mistake(
                "backbone.model",
                f"images of at least {smallest}x{smallest} pixels for {of}",
                f"{shape[1]}x{shape[2]}",
                "take larger images or another {key}",
            )
        )
    return shape[1], shape[2]


def is_path(weights: str) -> bool:
    """Whether the option `weights` is a path: it has a separator or the ending of such a file."""
    return "/" in weights or "\\" in weights or weights.endswith(ENDINGS)


def file_at(weights: str) -> WeightsFile:
    """The weights at a path, of any content. Raises UserError for a path that none has."""
    hint = "give the path of a .pth, .pt or .safetensors file"
    return WeightsFile(path_to_read(weights, "backbone.weights"), name=weights, hint=hint)


def fill(
    phi: nn.Module,
    tensors: Mapping[str, Tensor],
    of: str,
    named: Callable[[str], str] = str,
    left_out: Sequence[str] = (),
) -> None:
    """Copy `tensors` into φ, each parameter and buffer of it exactly once.

    of: what φ is called. named: from a name in φ to the one in the file. left_out: what begins the
        names of tensors that φ has no place for, a classifier's.

    Raises UserError where a tensor is missing, has no place in φ or is of another shape; φ is then
    as it was.
    """
    wanted = {named(name): (name, tensor) for name, tensor in phi.state_dict().items()}
    beside = tuple(left_out)
    given = {n: t for n, t in tensors.items() if n in wanted or not n.startswith(beside)}
    missing = [n for n in wanted if n not in given and not n.endswith(COUNT)]
    unexpected = sorted(given.keys() - wanted.keys())
    reshaped = []
    for name in given.keys() & wanted.keys():
        found, own = given[name].shape, wanted[name][1].shape
        if found != own:
            reshaped.append(f"{name} {_size(found)} for {_size(own)}")
    parts = [
        _listed("missing", missing),
        _listed("unexpected", unexpected),
        _listed("of another shape", sorted(reshaped)),
    ]
    if any(parts):
        raise UserError(
            Mistake(
                "backbone.weights",
                expected=f"the {len(wanted)} tensors of {of}",
                found="; ".join(part for part in parts if part),
                hint="take weights of this model, or the model that they are of",
            )
        )
    phi.load_state_dict({wanted[n][0]: tensor for n, tensor in given.items()}, strict=False)


def _size(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape)) or "one number"


def _listed(what: str, names: Sequence[str]) -> str:
    """How many of them there are, and the first: 2 missing (a, b); empty without any."""
    if not names:
        return ""
    more = ", …" if len(names) > NAMED else ""
    return f"{len(names)} {what} ({', '.join(names[:NAMED])}{more})"
