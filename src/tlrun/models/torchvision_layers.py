"""φ from a torchvision classification model: all of it but its classifying layer."""

from __future__ import annotations

import re
from typing import NamedTuple

from torch import nn

from tlrun.models.sequence import sequence


class Family(NamedTuple):
    """Models that are written alike.

    last: the name of the classifying layer. order: what its forward goes through before it, as
    `sequence` reads it; empty where a forward does more than that. beside: what begins the names of
    other heads in a published file.
    """

    last: str
    order: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


LAYERS = ("layer1", "layer2", "layer3", "layer4")
RESNET = Family("fc", ("conv1", "bn1", "relu", "maxpool", *LAYERS, "avgpool", "flatten"))
POOLED = ("features.*", "avgpool", "flatten", "classifier.*")
SHUFFLED = ("conv1", "maxpool", "stage2", "stage3", "stage4", "conv5", "pool", "flatten")
# By what the name of a model begins with; the first that fits.
FAMILIES: dict[str, Family] = {
    "resnet": RESNET,
    "resnext": RESNET,
    "wide_resnet": RESNET,
    "alexnet": Family("classifier.6", POOLED),
    "vgg": Family("classifier.6", POOLED),
    "densenet": Family("classifier", ("features.*", "relu", "pool", "flatten")),
    "mobilenet_v2": Family("classifier.1", ("features.*", "pool", "flatten", "classifier.*")),
    "mobilenet_v3": Family("classifier.3", POOLED),
    "efficientnet": Family("classifier.1", POOLED),
    "convnext": Family("classifier.2", ("features.*", "avgpool", "classifier.*")),
    "mnasnet": Family("classifier.1", ("layers.*", "pool", "flatten", "classifier.*")),
    "regnet": Family("fc", ("stem", "trunk_output.*", "avgpool", "flatten")),
    "shufflenet": Family("fc", SHUFFLED),
    "squeezenet": Family("classifier.1", ("features.*", "classifier.*", "flatten")),
    "googlenet": Family("fc", beside=("aux1.", "aux2.")),
    "inception": Family("fc", beside=("AuxLogits.",)),
    "vit": Family("heads.head"),
    "swin": Family("head"),
    "maxvit": Family("classifier.5"),
}
# Older spellings in published files: densenet's before module names could not hold a dot, the
# MLP of the vision transformers before it was a sequence.
OLDER = (
    (re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.([12])\."), r"\1\2."),
    (re.compile(r"\.mlp\.linear_1\."), ".mlp.0."),
    (re.compile(r"\.mlp\.linear_2\."), ".mlp.3."),
)


def family_of(name: str) -> Family:
    """The family of the model `name`. Raises StopIteration where none is known."""
    return next(family for start, family in FAMILIES.items() if name.startswith(start))


def without_classifier(model: nn.Module, name: str) -> nn.Module:
    """φ from [B, 3, H, W] to [B, d]: torchvision's `model` called `name` without its last layer.

    It is an nn.Sequential of the model's own modules, in order, or, where the family has none, the
    model with nn.Identity as its last layer.
    """
    family = family_of(name)
    if not family.order:
        model.set_submodule(family.last, nn.Identity())
        return model
    return sequence(model, family.order, family.last)


def renewed(name: str) -> str:
    """A tensor's `name` in a file of any age, as models of today have it."""
    for pattern, now in OLDER:
        name = pattern.sub(now, name)
    return name
