"""torchvision's image classification models without their last layer, with or without weights."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from tlrun.core.errors import Mistake, UserError, nearest
from tlrun.core.inputs import Kind
from tlrun.core.paths import path_to_read
from tlrun.models.backbone import Pixels, WeightsFile
from tlrun.models.pretrained import file_at, fill, image_size, is_path
from tlrun.models.torchvision_models import MODELS, normalisation
from tlrun.models.torchvision_weights import URL, digest_in, file_of, names_of

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Torchvision:
    """φ: a model of torchvision without the layer that classifies.

    model: its name, such as resnet18. weights: null, and φ starts from fresh ones; a path to a
    .pth, .pt or .safetensors file; or the name that torchvision gives the weights that it publishes
    for the model, such as IMAGENET1K_V1 or DEFAULT. download: whether published weights that are
    not in torch's cache are downloaded.

    Dropout and stochastic depth are what they are in torchvision.
    """

    model: str = "resnet18"
    weights: str | None = None
    download: bool = True

    learns: ClassVar[bool] = True
    takes: ClassVar[tuple[Kind, ...]] = ("image",)
    libraries: ClassVar[Collection[str]] = ("torchvision",)
    places: ClassVar[Collection[str]] = ("weights", "download")

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            expected = "an image classification model of torchvision"
            hint = nearest(self.model, tuple(MODELS))
            raise UserError(Mistake("backbone.model", expected, repr(self.model), hint))

    @property
    def smallest_batch(self) -> int:
        """BatchNorm needs two images: of a small one it has one number a channel."""
        return MODELS[self.model].batch

    @property
    def pixels(self) -> Pixels:
        """What torchvision's weights were trained on, with or without weights."""
        return Pixels(*normalisation(self.model))

    def width(self, shape: tuple[int, ...]) -> int:
        """d for images of `shape` (C, H, W).

        Raises UserError for an input that is no image, or one of a size that the model cannot take.
        """
        known = MODELS[self.model]
        height, width = image_size(shape, self.model, known.smallest)
        if known.square and (height != width or height % known.square):
            expected = f"square images of a multiple of {known.square} pixels for {self.model}"
            hint = "take images of that size or another {key}"
            raise UserError(Mistake("backbone.model", expected, f"{height}x{width}", hint))
        return known.width

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """φ, from [B, 3, H, W] to [B, d], with fresh weights from torch's global generator."""
        from torchvision import models

        from tlrun.models.torchvision_layers import without_classifier

        options: dict[str, Any] = {}
        if self.model.startswith("vit"):
            options["image_size"] = shape[1]
        elif self.model == "maxvit_t":
            options["input_size"] = shape[1:]
        elif self.model in ("googlenet", "inception_v3"):
            # published weights expect images in [-1, 1], which `pixels` makes of them
            options |= {"aux_logits": False, "init_weights": True, "transform_input": False}
        model = models.get_model(self.model, weights=None, **options)
        return without_classifier(model, self.model)

    def weights_file(self) -> WeightsFile | None:
        """Where the weights are: at the path, or in torch's cache of published ones.

        Raises UserError for a name that the model has no weights of, and for nobody's home.
        """
        if self.weights is None:
            return None
        if is_path(self.weights):
            return file_at(self.weights)
        names = names_of(self.model)
        if self.weights not in names:
            expected = f"null, a path or the name of weights of {self.model}"
            hint = nearest(self.weights, names)
            raise UserError(Mistake("backbone.weights", expected, repr(self.weights), hint))
        file = file_of(self.model, self.weights)
        name = f"{self.weights} of {self.model}"
        url = f"{URL}{file}"
        path = _torch_home() / "hub" / "checkpoints" / file
        hint = f"set backbone.download=true, or put {url} there"
        return WeightsFile(path, digest_in(file), url if self.download else "", name, hint)

    def load_weights(self, phi: nn.Module, tensors: Mapping[str, Tensor]) -> None:
        """Fill φ with the tensors of a published file, or of one with the same names.

        Raises UserError where they do not fit.
        """
        from tlrun.models.sequence import name_in_file
        from tlrun.models.torchvision_layers import family_of, renewed

        family = family_of(self.model)
        today = {renewed(name): tensor for name, tensor in tensors.items()}
        left_out = (f"{family.last}.", *family.beside)
        fill(phi, today, self.model, name_in_file, left_out)


def _torch_home() -> Path:
    """Where torch keeps what it downloads: TORCH_HOME, or torch in XDG_CACHE_HOME or ~/.cache."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return path_to_read(os.environ.get("TORCH_HOME", f"{cache}/torch"), "TORCH_HOME")
