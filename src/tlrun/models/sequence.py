"""Modules of a model of another library as an nn.Sequential, with their names found again.

A module of the sequence has the name that it has in the model, with `-` where that has a dot
(`features.3` is `features-3`, for a module's own name can hold none).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from torch import nn

# What a forward may do by a function: F.relu, F.adaptive_avg_pool2d or a mean over height and
# width, torch.flatten.
ADDED: dict[str, Callable[[], nn.Module]] = {
    "relu": lambda: nn.ReLU(inplace=True),
    "pool": lambda: nn.AdaptiveAvgPool2d(1),
    "flatten": nn.Flatten,
}


def sequence(model: nn.Module, order: Sequence[str], last: str = "") -> nn.Sequential:
    """The modules of `model` in the `order` in which its forward goes through them.

    order: names of its own modules, `features.*` for each module in `features`, or of ADDED where
    it has none of that name. last: the name of a module that is left out.
    """
    children = dict(model.named_children())
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    for step in order:
        home = step.removesuffix(".*")
        if home == step:
            parts[step] = children[step] if step in children else ADDED[step]()
            continue
        for name, part in children[home].named_children():
            if f"{home}.{name}" != last:
                parts[f"{home}-{name}"] = part
    return nn.Sequential(parts)


def name_in_file(name: str) -> str:
    """What the tensor `name` of such a sequence, or of the model, is called in the model."""
    module, dot, rest = name.partition(".")
    return module.replace("-", ".") + dot + rest
