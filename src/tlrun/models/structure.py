"""Structure θ: what a network is beside its weight values. As data it is strict JSON, with bit
masks in it.

    {"backbone": "conv", "options": {"channels": [32, 64], …},
     "masks":   {"0.weight": {"shape": [32, 1, 3, 3], "bits": "…base64…"}},
     "moments": {"0.weight": {"mean": [0.01], "factor": [[0.2]]}}}

No weight of the source is in it: `masks` say which weights there are, `moments` two numbers a layer
(or a filter's mean and covariance) that shape the fresh draw.
"""

from __future__ import annotations

import base64
import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from tlrun.core.options import coerce, fields

if TYPE_CHECKING:
    from tlrun.models.backbone import Backbone
    from tlrun.models.model import Model


TINY = 1e-20  # a variance that is none: far below that of any weight in float32


@dataclass(frozen=True)
class Moments:
    """Mean [k] and lower-triangular factor [k, k] of the covariance of a tensor's blocks of k
    weights.

    k=1: every weight is a block, so the two are the mean and the standard deviation of all weights
    of the tensor.
    """

    mean: tuple[float, ...]
    factor: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, weight: Tensor, block: int) -> Moments:
        """The moments of weight [o, i, …], cut into blocks of `block` weights: 1, or a filter's
        h·w.
        """
        rows = weight.detach().double().cpu().reshape(-1, block)
        mean = rows.mean(dim=0)
        covariance = (rows - mean).T @ (rows - mean) / len(rows)
        # Blocks may vary in fewer directions than k, or not at all.
        ridge = (1e-6 * covariance.diagonal().mean() + TINY) * torch.eye(block)
        factor = torch.linalg.cholesky(covariance + ridge) if block > 1 else covariance.sqrt()
        return cls(tuple(mean.tolist()), tuple(map(tuple, factor.tolist())))

    @property
    def scalars(self) -> int:
        """How many numbers it carries: k + k(k+1)/2."""
        k = len(self.mean)
        return k + k * (k + 1) // 2

    def shape(self, weight: Tensor) -> None:
        """Give a fresh weight these moments, in place: w ← mean + factor · L⁻¹ (w - mean_w), block
        by block.

        mean_w and L Lᵀ are mean and covariance of the fresh blocks; of the latter only the diagonal
        where there are too few blocks to have more.
        """
        rows = weight.data.double().reshape(-1, len(self.mean))
        centred = rows - rows.mean(dim=0)
        covariance = centred.T @ centred / len(rows) + TINY * torch.eye(
            len(self.mean), device=rows.device
        )
        if len(rows) <= len(self.mean):
            covariance = covariance.diagonal().diag()
        standard = torch.linalg.solve_triangular(
            torch.linalg.cholesky(covariance), centred.T, upper=False
        ).T
        mean, factor = (
            torch.tensor(part, dtype=rows.dtype, device=rows.device)
            for part in (self.mean, self.factor)
        )
        weight.data.copy_((mean + standard @ factor.T).reshape(weight.shape))


@dataclass(frozen=True)
class Structure:
    """A network without its weights. backbone: the specification that builds it. masks, moments: by
    weight of φ.
    """

    backbone: Backbone
    masks: Mapping[str, Tensor] = field(default_factory=dict)
    moments: Mapping[str, Moments] = field(default_factory=dict)

    def impose(self, model: Model) -> None:
        """Put the structure on a model of `backbone` with fresh weights, in place.

        A masked tensor of density ρ is scaled by ρ^(-1/2), so that the variance of what a layer
        puts out stays that of the dense layer, and its pruned weights stay 0 from here on.
        """
        for name, mask in self.masks.items():
            model.backbone.get_parameter(name).data.mul_(float(mask.double().mean()) ** -0.5)
        model.hold_at_zero(self.masks)
        for name, moments in self.moments.items():
            moments.shape(model.backbone.get_parameter(name))

    @property
    def scalars(self) -> int:
        """How many numbers of the source's weights it carries."""
        return sum(moments.scalars for moments in self.moments.values())

    def told(self, dense: Backbone) -> str:
        """What it is, in a line. dense: the backbone it was learnt from."""
        if self.masks:
            counts = {name: (int(mask.sum()), mask.numel()) for name, mask in self.masks.items()}
            kept, total = (sum(column) for column in zip(*counts.values(), strict=True))
            shares = ", ".join(f"{name} {100 * k / n:.0f} %" for name, (k, n) in counts.items())
            return f"{kept:,} of {total:,} weights of φ kept ({shares}), 0 values transferred"
        if self.moments:
            return f"{self.scalars} scalars transferred, from {len(self.moments)} weight tensors"
        option = getattr(dense, "widths", "")
        before, after = (",".join(map(str, getattr(b, option, ()))) for b in (dense, self.backbone))
        return f"{option} {before} became {after}, 0 values transferred"

    def to_json(self) -> dict[str, Any]:
        """As strict JSON; `from_json` gives it back."""
        masks = {
            name: {
                "shape": list(mask.shape),
                "bits": base64.b64encode(np.packbits(mask.cpu().numpy()).tobytes()).decode(),
            }
            for name, mask in self.masks.items()
        }
        return {
            "backbone": type(self.backbone).__name__.lower(),
            "options": dataclasses.asdict(self.backbone),  # type: ignore[call-overload]  # every specification is one
            "masks": masks,
            "moments": {
                name: dataclasses.asdict(moments) for name, moments in self.moments.items()
            },
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], backbone: type) -> Structure:
        """The structure of `data`; backbone: the class that its `backbone` names."""
        hints = fields(backbone)
        masks = {}
        for name, told in data["masks"].items():
            bits = np.frombuffer(base64.b64decode(told["bits"]), dtype=np.uint8)
            flat = np.unpackbits(bits, count=math.prod(told["shape"])).astype(bool)
            masks[name] = torch.from_numpy(flat).view(told["shape"])
        moments = {
            name: Moments(tuple(told["mean"]), tuple(map(tuple, told["factor"])))
            for name, told in data["moments"].items()
        }
        options = {key: coerce(value, hints[key]) for key, value in data["options"].items()}
        return cls(backbone(**options), masks, moments)


def weights(backbone: nn.Module) -> dict[str, Tensor]:
    """The weight tensors of φ, in order: neither biases nor the scales of a normalisation."""
    return {
        name: parameter for name, parameter in backbone.named_parameters() if parameter.ndim > 1
    }


def parameters(backbone: Backbone, shape: tuple[int, ...], outputs: Sequence[int]) -> int:
    """How many parameters φ and linear heads with so many `outputs` have. Nothing is allocated,
    nothing drawn.
    """
    with torch.device("meta"):
        phi = backbone.build(shape)
    heads = sum((backbone.width(shape) + 1) * k for k in outputs)
    return sum(parameter.numel() for parameter in phi.parameters()) + heads


@dataclass(frozen=True)
class Size:
    """What a network costs. flops: of one example's forward pass, 2 a multiply-add of a weight that
    is not 0.
    """

    parameters: int
    nonzeros: int
    flops: int


def size(model: Model, example: Tensor, domain: str) -> Size:
    """The size of a model with all its heads. example: one input [1, …] of `domain`.

    A layer with weights W [o, …] that puts out o channels at p places does 2·nnz(W)·p. What sparse
    weights save is
    counted, not measured: a library that multiplies dense matrices saves no time by zeros.
    """
    counts: list[int] = []

    def count(module: nn.Module, _: Any, output: Tensor) -> None:
        weight = module.weight
        assert isinstance(weight, Tensor)
        counts.append(2 * int(weight.count_nonzero()) * (output.numel() // weight.shape[0]))

    layers = [
        m
        for m in model.modules()
        if isinstance(getattr(m, "weight", None), Tensor) and _is_layer(m)
    ]
    hooks = [layer.register_forward_hook(count) for layer in layers]
    model.eval()
    try:
        with torch.no_grad():
            z = {trunk: trunk(example, domain) for trunk in model.trunks.values()}
            for key in model.head_keys:
                model.head_of(key)(z[model.trunk_of(key)])
    finally:
        for hook in hooks:
            hook.remove()
    values = [
        *model.trunks.parameters(),
        *model.heads.parameters(),
    ]  # what an equation had beside them is of no use now
    return Size(
        sum(p.numel() for p in values), sum(int(p.count_nonzero()) for p in values), sum(counts)
    )


def _is_layer(module: nn.Module) -> bool:
    weight = module.weight
    return isinstance(weight, Tensor) and weight.ndim > 1


def with_widths(backbone: Backbone, widths: Sequence[int]) -> Backbone:
    """The same specification with other widths of its layers."""
    return dataclasses.replace(backbone, **{backbone.widths: tuple(widths)})  # type: ignore[type-var,attr-defined]
