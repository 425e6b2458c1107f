"""torchvision's image classification models: what is known of each without importing it.

A test holds the table equal to torchvision itself.
"""

from __future__ import annotations

from typing import NamedTuple


class Known(NamedTuple):
    """One model without its classifying layer.

    width: d. smallest: height and width, in pixels, of the smallest image that it takes. batch: the
    fewest images of an update, 2 with BatchNorm. square: its images are square, as many pixels
    wide as a multiple of that; 0: of any shape.
    """

    width: int
    smallest: int = 1
    batch: int = 2
    square: int = 0


MODELS: dict[str, Known] = {
    "alexnet": Known(4096, smallest=63, batch=1),
    "convnext_base": Known(1024, smallest=32, batch=1),
    "convnext_large": Known(1536, smallest=32, batch=1),
    "convnext_small": Known(768, smallest=32, batch=1),
    "convnext_tiny": Known(768, smallest=32, batch=1),
    "densenet121": Known(1024, smallest=29),
    "densenet161": Known(2208, smallest=29),
    "densenet169": Known(1664, smallest=29),
    "densenet201": Known(1920, smallest=29),
    "efficientnet_b0": Known(1280),
    "efficientnet_b1": Known(1280),
    "efficientnet_b2": Known(1408),
    "efficientnet_b3": Known(1536),
    "efficientnet_b4": Known(1792),
    "efficientnet_b5": Known(2048),
    "efficientnet_b6": Known(2304),
    "efficientnet_b7": Known(2560),
    "efficientnet_v2_l": Known(1280),
    "efficientnet_v2_m": Known(1280),
    "efficientnet_v2_s": Known(1280),
    "googlenet": Known(1024, smallest=15),
    "inception_v3": Known(2048, smallest=75),
    "maxvit_t": Known(512, smallest=224, square=224),
    "mnasnet0_5": Known(1280),
    "mnasnet0_75": Known(1280),
    "mnasnet1_0": Known(1280),
    "mnasnet1_3": Known(1280),
    "mobilenet_v2": Known(1280),
    "mobilenet_v3_large": Known(1280),
    "mobilenet_v3_small": Known(1024),
    "regnet_x_16gf": Known(2048),
    "regnet_x_1_6gf": Known(912),
    "regnet_x_32gf": Known(2520),
    "regnet_x_3_2gf": Known(1008),
    "regnet_x_400mf": Known(400),
    "regnet_x_800mf": Known(672),
    "regnet_x_8gf": Known(1920),
    "regnet_y_128gf": Known(7392),
    "regnet_y_16gf": Known(3024),
    "regnet_y_1_6gf": Known(888),
    "regnet_y_32gf": Known(3712),
    "regnet_y_3_2gf": Known(1512),
    "regnet_y_400mf": Known(440),
    "regnet_y_800mf": Known(784),
    "regnet_y_8gf": Known(2016),
    "resnet101": Known(2048),
    "resnet152": Known(2048),
    "resnet18": Known(512),
    "resnet34": Known(512),
    "resnet50": Known(2048),
    "resnext101_32x8d": Known(2048),
    "resnext101_64x4d": Known(2048),
    "resnext50_32x4d": Known(2048),
    "shufflenet_v2_x0_5": Known(1024),
    "shufflenet_v2_x1_0": Known(1024),
    "shufflenet_v2_x1_5": Known(1024),
    "shufflenet_v2_x2_0": Known(2048),
    "squeezenet1_0": Known(512, smallest=21, batch=1),
    "squeezenet1_1": Known(512, smallest=17, batch=1),
    "swin_b": Known(1024, smallest=4, batch=1),
    "swin_s": Known(768, smallest=4, batch=1),
    "swin_t": Known(768, smallest=4, batch=1),
    "swin_v2_b": Known(1024, smallest=4, batch=1),
    "swin_v2_s": Known(768, smallest=4, batch=1),
    "swin_v2_t": Known(768, smallest=4, batch=1),
    "vgg11": Known(4096, smallest=32, batch=1),
    "vgg11_bn": Known(4096, smallest=32),
    "vgg13": Known(4096, smallest=32, batch=1),
    "vgg13_bn": Known(4096, smallest=32),
    "vgg16": Known(4096, smallest=32, batch=1),
    "vgg16_bn": Known(4096, smallest=32),
    "vgg19": Known(4096, smallest=32, batch=1),
    "vgg19_bn": Known(4096, smallest=32),
    "vit_b_16": Known(768, smallest=16, batch=1, square=16),
    "vit_b_32": Known(768, smallest=32, batch=1, square=32),
    "vit_h_14": Known(1280, smallest=14, batch=1, square=14),
    "vit_l_16": Known(1024, smallest=16, batch=1, square=16),
    "vit_l_32": Known(1024, smallest=32, batch=1, square=32),
    "wide_resnet101_2": Known(2048),
    "wide_resnet50_2": Known(2048),
}
# Of all that torchvision's were trained on, save three models.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)
TRAINED_ON_HALF = ("efficientnet_v2_l", "googlenet", "inception_v3")


def normalisation(model: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, by which `model`'s weights expect images."""
    if model in TRAINED_ON_HALF:
        return HALF, HALF
    return IMAGENET_MEAN, IMAGENET_DEVIATION
