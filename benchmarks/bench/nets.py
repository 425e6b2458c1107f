"""The examples, and the nets as people write them."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # torch's own spelling

from bench.rows import Work

Predict = Callable[[Tensor], Tensor]  # from inputs [B, …] to logits [B, classes]


@cache
def examples(work: Work) -> tuple[np.ndarray, np.ndarray]:
    """Inputs, float32 [n, *shape], and labels, int64 [n]: a pattern for each class, in noise."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, work.classes, work.n)
    patterns = rng.standard_normal((work.classes, *work.shape))
    # between two classes lie 8.5 standard deviations, or more where pixels are many: a net that
    # looks through small windows sees little of a pattern that is faint in each
    strength = max(6.0 / math.sqrt(math.prod(work.shape)), 0.5)
    inputs = strength * patterns[labels] + rng.standard_normal((work.n, *work.shape))
    return inputs.astype(np.float32), labels


def tensors(work: Work) -> tuple[Tensor, Tensor]:
    """The examples, for torch."""
    inputs, labels = examples(work)
    return torch.from_numpy(inputs), torch.from_numpy(labels)


class SmallCNN(nn.Module):
    """tl-run's default backbone and head: two 3x3 convolutions of 32 and 64, each halved."""

    def __init__(self, shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        channels, height, width = shape
        self.conv1 = nn.Conv2d(channels, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(64 * (height // 4) * (width // 4), classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        return self.fc(torch.flatten(x, 1))


def build(work: Work) -> nn.Module:
    """The net, with fresh weights."""
    if work.net == "head":
        return nn.Linear(*work.shape, work.classes)
    if work.net == "resnet18":
        from torchvision.models import resnet18

        return resnet18(num_classes=work.classes)
    return SmallCNN(work.shape, work.classes)


def precision(work: Work) -> AbstractContextManager[object]:
    """What a forward pass stands in: autocast for bf16, nothing for fp32."""
    if work.precision == "bf16":
        return torch.autocast("cpu", dtype=torch.bfloat16)
    return nullcontext()


def training_loss(predict: Predict, work: Work) -> float:
    """The mean cross-entropy on the first examples, as the training loop sees them."""
    inputs, labels = tensors(work)
    with torch.no_grad():
        return float(F.cross_entropy(predict(inputs[:512]).float(), labels[:512]))
