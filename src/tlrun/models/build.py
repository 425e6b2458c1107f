"""From a backbone's specification to φ, which takes inputs as they are held, and to a model."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Literal

from torch import Tensor, nn

from tlrun.core.inputs import InputSpec
from tlrun.core.options import name_of_class
from tlrun.core.seeding import drawing_from, stream
from tlrun.core.task import Task
from tlrun.models.backbone import Backbone, TaskSpecific, pixels_of, shape_for, width
from tlrun.models.model import Model
from tlrun.models.preparation import Preparation
from tlrun.models.pretrained import fill


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
        if hasattr(backbone, "load_weights"):
            backbone.load_weights(phi, pretrained)
        else:
            fill(phi, pretrained, name_of_class(type(backbone)))
    pixels = pixels_of(backbone, inputs)
    if inputs.dtype != "uint8" and pixels is None:
        return phi
    modules: list[tuple[str, nn.Module]] = [("preparation", Preparation(pixels))]
    # in one chain, so that every module keeps its name, and φ can be computed in part
    modules += phi.named_children() if type(phi) is nn.Sequential else [("backbone", phi)]
    return nn.Sequential(OrderedDict(modules))


def draw_model(
    backbone: Backbone,
    inputs: InputSpec,
    domains: Mapping[str, Sequence[Task]],
    init: Literal["source", "target"],
    seed: int,
    task_specific: TaskSpecific = "nothing",
    pretrained: Mapping[str, Tensor] | None = None,
) -> Model:
    """A model with fresh weights, each part from a random stream of its own (`core.seeding`).

    φ draws from `source-init` or `target-init`, each head from a stream `head-init` by task and
    `init`, so that adding a task moves no other head's weights and a new head on an inherited φ is
    not the one φ was trained with. Heads of one label space start alike in all domains.

    backbone: φ as configured. inputs: what one input is. domains: the tasks of each domain. init:
    where the model starts, on the source or the target. seed: the run's. task_specific: as in
    `Model`. pretrained: weights that φ has instead of fresh ones, by their names in their file;
    heads are fresh in any case. Raises UserError where they do not fit.
    """
    with drawing_from(stream(seed, "source-init" if init == "source" else "target-init")):
        phi = build(backbone, inputs, pretrained)
        model = Model(phi, width(backbone, inputs), domains, task_specific)
    for key in model.head_keys:
        with drawing_from(stream(seed, "head-init", init, key.task)):
            model.head_of(key).reset_parameters()
    return model
