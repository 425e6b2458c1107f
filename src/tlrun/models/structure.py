"""Structure θ: what a network is, beside the values of its weights. As data it is strict JSON.

    {"backbone": "conv", "options": {"channels": [32, 64], …},
     "masks":   {"0.weight": {"shape": [32, 1, 3, 3], "bits": "…base64…"}},
     "moments": {"0.weight": {"mean": [0.01], "factor": [[0.2]]}}}

No weight of the source is in it: `masks` say, bit by bit, which weights there are, `moments` give
two numbers a layer (or a filter's mean and covariance) that shape the fresh draw.
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

from tlrun.core.options import coerce, fields, name_of_class

if TYPE_CHECKING:
    from tlrun.models.backbone import Backbone
    from tlrun.models.model import Model


TINY = 1e-20  # a variance that is none: far below that of any weight in float32


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of the blocks of k weights that a tensor is made of.

    mean: [k]. factor: F [k, k], lower-triangular; the covariance is F Fᵀ.

    k=1: every weight is a block, so the two are the mean and the standard deviation of all weights
    of the tensor.
    """

    mean: tuple[float, ...]
    factor: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, weight: Tensor, block: int) -> Moments:
        """The moments of `weight` [o, i, …] in blocks of `block` weights: 1, or a filter's h·w."""
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
        """Give a fresh `weight` [o, i, …] these moments, in place, block by block.

        w ← mean + factor · L⁻¹ (w - mean_w). mean_w and L Lᵀ are mean and covariance of the fresh
        blocks; of the latter only the diagonal where there are too few blocks to have more.
        """
        k = len(self.mean)
        rows = weight.data.double().reshape(-1, k)
        centred = rows - rows.mean(dim=0)
        covariance = centred.T @ centred / len(rows) + TINY * torch.eye(k, device=rows.device)
        if len(rows) <= k:
            covariance = covariance.diagonal().diag()
        L = torch.linalg.cholesky(covariance)
        standard = torch.linalg.solve_triangular(L, centred.T, upper=False).T
        mean = torch.tensor(self.mean, dtype=rows.dtype, device=rows.device)
        factor = torch.tensor(self.factor, dtype=rows.dtype, device=rows.device)
        weight.data.copy_((mean + standard @ factor.T).reshape(weight.shape))


@dataclass(frozen=True)
class Structure:
    """A network without its weights. backbone: the specification that builds it.

    masks: bool, in the shape of the weight tensor, which of its weights there are. moments: those
    of the fresh draw. Both by the name of a weight tensor of φ; one that is in neither is dense and
    drawn as usual.
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

    def summary(self, dense: Backbone) -> str:
        """What it is, in a line. dense: the backbone it was learnt from."""
        if self.masks:
            shares = []
            for name, mask in self.masks.items():
                shares.append(f"{name} {100 * int(mask.sum()) / mask.numel():.0f} %")
            kept = sum(int(mask.sum()) for mask in self.masks.values())
            total = sum(mask.numel() for mask in self.masks.values())
            summary = f"{kept:,} of {total:,} weights of φ kept ({', '.join(shares)})"
            return f"{summary}, 0 values transferred"
        if self.moments:
            return f"{self.scalars} scalars transferred, from {len(self.moments)} weight tensors"
        option = getattr(dense, "widths", "")
        before = ",".join(map(str, getattr(dense, option, ())))
        after = ",".join(map(str, getattr(self.backbone, option, ())))
        return f"{option} {before} became {after}, 0 values transferred"

    def to_json(self) -> dict[str, Any]:
        """As strict JSON; `from_json` gives it back."""
        masks = {}
        for name, mask in self.masks.items():
            packed = np.packbits(mask.cpu().numpy()).tobytes()
            bits = base64.b64encode(packed).decode()
            masks[name] = {"shape": list(mask.shape), "bits": bits}
        moments = {name: dataclasses.asdict(each) for name, each in self.moments.items()}
        return {
            "backbone": name_of_class(type(self.backbone)),
            "options": dataclasses.asdict(self.backbone),  # type: ignore[call-overload]  # every specification is one
            "masks": masks,
            "moments": moments,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], backbone: type) -> Structure:
        """The structure of `data`. backbone: the class that its `backbone` names."""
        hints = fields(backbone)
        masks = {}
        for name, packed in data["masks"].items():
            bits = np.frombuffer(base64.b64decode(packed["bits"]), dtype=np.uint8)
            flat = np.unpackbits(bits, count=math.prod(packed["shape"])).astype(bool)
            masks[name] = torch.from_numpy(flat).view(packed["shape"])
        moments = {}
        for name, each in data["moments"].items():
            moments[name] = Moments(tuple(each["mean"]), tuple(map(tuple, each["factor"])))
        options = {key: coerce(value, hints[key]) for key, value in data["options"].items()}
        return cls(backbone(**options), masks, moments)


def weights(backbone: nn.Module) -> dict[str, Tensor]:
    """The weight tensors of φ by name, in order: neither biases nor a normalisation's scales."""
    return {name: p for name, p in backbone.named_parameters() if p.ndim > 1}


def parameters(backbone: Backbone, shape: tuple[int, ...], outputs: Sequence[int]) -> int:
    """How many parameters φ and its heads have; nothing is allocated for it, and nothing drawn.

    shape: of one input. outputs: k of each head; it is linear, from d to k.
    """
    with torch.device("meta"):
        phi = backbone.build(shape)
    heads = sum((backbone.width(shape) + 1) * k for k in outputs)
    return sum(parameter.numel() for parameter in phi.parameters()) + heads


@dataclass(frozen=True)
class Size:
    """What a network costs. nonzeros: its parameters that are not 0.

    flops: of one example's forward pass, 2 for a multiply-add of a weight that is not 0.
    """

    parameters: int
    nonzeros: int
    flops: int


def size(model: Model, example: Tensor, domain: str) -> Size:
    """The size of a model with all its heads. example: one input [1, …] of `domain`.

    A layer with weights W [o, …] that puts out o channels at p positions does 2·nnz(W)·p, nnz(W)
    being how many of them are not 0; a recurrent one does so for each of its matrices, and looking
    up a row of an embedding multiplies nothing. What sparse weights save is counted, not measured:
    a library that multiplies dense matrices saves no time by zeros.
    """
    counts: list[int] = []

    def count(module: nn.Module, _: Any, output: Tensor | tuple[Tensor, ...]) -> None:
        made = output if isinstance(output, Tensor) else output[0]
        for weight in _matrices(module):
            positions = made.numel() // weight.shape[0]
            if isinstance(module, nn.RNNBase):  # one gate or several for each of its outputs
                positions = made.numel() // made.shape[-1]
            counts.append(2 * int(weight.count_nonzero()) * positions)

    layers = [module for module in model.modules() if _matrices(module)]
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
    # without `extras`: those serve the equation while it is trained, and no prediction
    values = [*model.trunks.parameters(), *model.heads.parameters()]
    total = sum(parameter.numel() for parameter in values)
    nonzeros = sum(int(parameter.count_nonzero()) for parameter in values)
    return Size(total, nonzeros, flops=sum(counts))


def _matrices(module: nn.Module) -> list[Tensor]:
    """The weights, of two dimensions or more, by which a module multiplies."""
    if isinstance(module, nn.Embedding | nn.EmbeddingBag):
        return []
    if isinstance(module, nn.RNNBase):
        return [weight for weight in module.parameters() if weight.ndim > 1]
    weight = getattr(module, "weight", None)
    return [weight] if isinstance(weight, Tensor) and weight.ndim > 1 else []


def with_widths(backbone: Backbone, widths: Sequence[int]) -> Backbone:
    """The same specification with other widths of its layers."""
    return dataclasses.replace(backbone, **{backbone.widths: tuple(widths)})  # type: ignore[type-var,attr-defined]
