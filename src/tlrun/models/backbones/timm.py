"""timm's image models without their last layer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from tlrun.core.inputs import Kind
from tlrun.models.backbone import Pixels, WeightsFile
from tlrun.models.pretrained import file_at, fill, image_size

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Timm:
    """φ: a model of timm without the layer that classifies.

    model: its name, such as resnet10t, or with a tag of its weights, whose mean and deviation of
    pixels then hold. weights: null, and φ starts from fresh ones; or a path to a .pth, .pt or
    .safetensors file with timm's names.

    timm is an extra of tl-run. Its table of models is its own: width and pixels import it.
    """

    model: str = "resnet10t"
    weights: str | None = None

    learns: ClassVar[bool] = True
    takes: ClassVar[tuple[Kind, ...]] = ("image",)
    # whichever model it is: most have BatchNorm, and to know it is to build it
    smallest_batch: ClassVar[int] = 2
    libraries: ClassVar[Collection[str]] = ("timm",)
    places: ClassVar[Collection[str]] = ("weights",)

    @property
    def pixels(self) -> Pixels:
        """What timm says that the model's weights expect. Raises UserError as `width` does."""
        from tlrun.models.timm_models import config_of

        config = config_of(self.model)
        return Pixels(tuple(config.mean), tuple(config.std))

    def width(self, shape: tuple[int, ...]) -> int:
        """d for images of `shape` (C, H, W).

        Raises UserError for an input that is no image, one of a size that the model cannot take, an
        unknown model, and where timm is not installed.
        """
        from tlrun.models.timm_models import width_of

        return width_of(self.model, (3, *image_size(shape, self.model)))

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """φ, from [B, 3, H, W] to [B, d], with fresh weights from torch's global generator."""
        from tlrun.models.timm_models import create

        return create(self.model, shape)

    def weights_file(self) -> WeightsFile | None:
        """Where the weights are, if they are to be read."""
        return None if self.weights is None else file_at(self.weights)

    def load_weights(self, phi: nn.Module, tensors: Mapping[str, Tensor]) -> None:
        """Fill φ with the tensors of a file of the whole model. Raises UserError for others."""
        from tlrun.models.sequence import name_in_file
        from tlrun.models.timm_models import config_of

        classifier = config_of(self.model).classifier or ()
        names = (classifier,) if isinstance(classifier, str) else classifier
        fill(phi, tensors, self.model, name_in_file, [f"{name}." for name in names])
