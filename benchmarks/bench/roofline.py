"""What this machine can do, and what the nets ask of it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional as F  # noqa: N812  # torch's own spelling
from torch.utils.flop_counter import FlopCounterMode

from bench.nets import build, tensors
from bench.rounds import Clock
from bench.rows import Work

SIDE = 1024
IMAGES, CHANNELS, PIXELS = 64, 128, 8
FLOPS = {  # of one call
    "matmul_fp32": 2 * SIDE**3,
    "matmul_bf16": 2 * SIDE**3,
    "conv_fp32": 2 * IMAGES * PIXELS**2 * CHANNELS**2 * 9,
}


def matmul_fp32(work: Work, clock: Clock) -> None:
    """A [1024, 1024] product."""
    _matmul(work, clock, torch.float32)


def matmul_bf16(work: Work, clock: Clock) -> None:
    """The same in bfloat16."""
    _matmul(work, clock, torch.bfloat16)


def _matmul(work: Work, clock: Clock, dtype: torch.dtype) -> None:
    left, right = (torch.randn(SIDE, SIDE).to(dtype) for _ in range(2))
    _called(lambda: left @ right, work, clock)


def conv_fp32(work: Work, clock: Clock) -> None:
    """A 3x3 convolution from 128 to 128 channels of 64 images of 8x8, forward, channels_last."""
    images = torch.randn(IMAGES, CHANNELS, PIXELS, PIXELS).to(memory_format=torch.channels_last)
    weight = torch.randn(CHANNELS, CHANNELS, 3, 3).to(memory_format=torch.channels_last)
    _called(lambda: F.conv2d(images, weight, padding=1), work, clock)


def _called(function: Callable[[], torch.Tensor], work: Work, clock: Clock) -> None:
    with torch.no_grad():
        clock.begin()
        for _ in range(work.steps):
            function()
        clock.end()


def flops_per_example(work: Work) -> float:
    """Of one example forward and backward, as torch counts the products and convolutions."""
    net = build(work).train()
    inputs, labels = tensors(work)
    with FlopCounterMode(display=False) as counter:
        F.cross_entropy(net(inputs[:8]), labels[:8]).backward()
    return counter.get_total_flops() / 8
