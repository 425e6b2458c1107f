"""What is asked of timm, an optional package: its models without their classifying layer."""

from __future__ import annotations

from contextlib import nullcontext
from difflib import get_close_matches
from functools import cache
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from tlrun.core.errors import Mistake, UserError
from tlrun.models.sequence import sequence

# What the forward of a class goes through, where that is all it does.
ORDERS = {
    "timm.models.resnet.ResNet": (
        *("conv1", "bn1", "act1", "maxpool"),
        *("layer1", "layer2", "layer3", "layer4", "global_pool"),
    ),
    "timm.models.efficientnet.EfficientNet": (
        *("conv_stem", "bn1", "blocks.*", "conv_head", "bn2", "global_pool"),
    ),
    "timm.models.mobilenetv3.MobileNetV3": (
        *("conv_stem", "bn1", "blocks.*", "global_pool"),
        *("conv_head", "norm_head", "act2", "flatten"),
    ),
}
WORDS = 160  # characters of another library's error that a line has room for


class OnMeta(TorchFunctionMode):
    """Let tensors that are to be filled, as weights are, take no memory.

    Not torch.device("meta"): some models compute their shapes with tensors.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        if func is torch.empty and options.get("device") is None:
            options["device"] = "meta"
        return func(*args, **options)


def config_of(model: str) -> Any:
    """timm's configuration of the weights of `model`: mean, std, classifier, input_size and so on.

    Raises UserError where timm is not installed, or has no model or no weights of that name.
    """
    if find_spec("timm") is None:
        hint = "pip install 'tl-run[timm]'"
        raise UserError(Mistake("backbone", "the package timm", "it is not installed", hint))
    import timm

    bare, _, tag = model.partition(".")
    names = timm.list_models()
    if bare not in names:
        near = get_close_matches(model, names, n=5, cutoff=0.5)
        every = "timm.list_models() has them all"
        hint = f"did you mean {', '.join(near)}? ({every})" if near else every
        raise UserError(Mistake("backbone.model", "a model of timm", repr(model), hint))
    tags = [name.partition(".")[2] for name in timm.list_models(f"{bare}.*", include_tags=True)]
    if tag and tag not in tags:
        expected = f"weights of {bare} after the dot"
        hint = f"one of: {', '.join(tags)}" if any(tags) else "leave them out"
        raise UserError(Mistake("backbone.model", expected, repr(model), hint))
    return timm.get_pretrained_cfg(model)


def create(model: str, shape: tuple[int, ...]) -> nn.Module:
    """timm's `model` from [B, 3, H, W] to [B, d], with fresh weights.

    An nn.Sequential of its own modules where its forward goes through them in order, and otherwise
    timm's own module. shape: (C, H, W) of an image, for a model that is built for one size.

    Raises UserError as `config_of` does.
    """
    config = config_of(model)
    import timm

    options = {"img_size": tuple(shape[1:])} if config.fixed_input_size else {}
    made = timm.create_model(model, pretrained=False, num_classes=0, in_chans=3, **options)
    order = ORDERS.get(f"{type(made).__module__}.{type(made).__qualname__}")
    if order is None or made.drop_rate:  # it drops features by a function
        plain: nn.Module = made
        return plain
    return sequence(made, order)


@cache
def width_of(model: str, shape: tuple[int, ...]) -> int:
    """d of timm's `model` for images of `shape` (C, H, W): it is asked with one image.

    No random number is drawn from torch's global generator.

    Raises UserError as `config_of` does, and where the model does not take images of that size.
    """
    config_of(model)
    for weightless in (True, False):  # without weights in memory, as far as the model allows that
        try:
            with torch.random.fork_rng(devices=[]), torch.no_grad():
                z = _asked(model, shape, weightless)
            break
        except (RuntimeError, ValueError, AssertionError, TypeError, IndexError) as error:
            reason = " ".join(str(error).split())[:WORDS]
    else:
        expected, size = f"images that {model} can take", f"{shape[1]}x{shape[2]}"
        hint = "take images of another size or another {key}"
        raise UserError(Mistake("backbone.model", expected, f"{size} ({reason})", hint))
    if z.ndim != 2:
        expected = "a model that gives a vector of features for each image"
        raise UserError(Mistake("backbone.model", expected, f"{model}: {tuple(z.shape[1:])}"))
    return int(z.shape[1])


def _asked(model: str, shape: tuple[int, ...], weightless: bool) -> torch.Tensor:
    """z of one empty image. weightless: on the meta device."""
    device = "meta" if weightless else "cpu"
    with OnMeta() if weightless else nullcontext():
        phi = create(model, shape).eval()
    z: torch.Tensor = phi.to(device)(torch.zeros(1, 3, *shape[1:], device=device))
    return z
