"""From a backbone's specification to φ, which takes inputs as they are held."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from torch import Tensor, nn

from tlrun.core.inputs import InputSpec
from tlrun.models.backbone import pixels_of, shape_for
from tlrun.models.preparation import Preparation

if TYPE_CHECKING:
    from tlrun.models.backbone import Backbone


def build(
    backbone: Backbone, inputs: InputSpec, pretrained: Mapping[str, Tensor] | None = None
) -> nn.Module:
    """φ, from inputs [B, …] as they are held to z [B, d].

    Weights are fresh, from torch's global generator, or those of `pretrained`, by their names in
    their file. Where inputs are bytes, or the backbone says what it expects of its pixels, the
    first module is a `Preparation`. Raises UserError where shapes or weights do not fit.
    """
    phi = backbone.build(shape_for(backbone, inputs))
    if pretrained is not None:
        load = getattr(backbone, "load_weights", nn.Module.load_state_dict)
        load(phi, pretrained)
    pixels = pixels_of(backbone, inputs)
    if inputs.dtype != "uint8" and pixels is None:
        return phi
    modules: list[tuple[str, nn.Module]] = [("preparation", Preparation(pixels))]
    # in one chain, so that every module keeps its name, and φ can be computed in part
    modules += phi.named_children() if type(phi) is nn.Sequential else [("backbone", phi)]
    return nn.Sequential(OrderedDict(modules))
