"""Where tensors live: device=auto|cpu|cuda|cuda:N.

torch is imported only where there may be a GPU to find.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache

from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import Form

DEVICE = Form(r"auto|cpu|cuda(:\d+)?", "auto, cpu, cuda or cuda:N")
DRIVER = "nvcuda.dll" if os.name == "nt" else "libcuda.so.1"


@cache
def resolve(device: str) -> str:
    """`device` as cpu or cuda:N; auto is the first GPU, if there is any, and cuda is cuda:0.

    Raises UserError for a GPU that is not there, or that torch cannot use.
    """
    if device == "cpu" or (device == "auto" and not has_driver()):
        return "cpu"
    import torch

    if not torch.cuda.is_available():
        if device == "auto":
            return "cpu"
        why = "no GPU or driver that it can use" if torch.version.cuda else "built for the CPU only"
        found = f"PyTorch {torch.__version__}, {why}"
        raise UserError(Mistake("device", f"CUDA for {device}", found, hint="try device=cpu"))
    number, count = int(device.partition(":")[2] or 0), torch.cuda.device_count()
    if number >= count:
        raise UserError(Mistake("device", f"a GPU from cuda:0 to cuda:{count - 1}", device))
    return f"cuda:{number}"


def describe(resolved: str) -> str:
    """What decides the bits of a device that `resolve` gave.

    That is cpu, or the name of the GPU and the version of CUDA that torch was built for.
    """
    if resolved == "cpu":
        return "cpu"
    import torch

    return f"{torch.cuda.get_device_name(resolved)}, CUDA {torch.version.cuda}"


def has_driver() -> bool:
    """Whether a driver for NVIDIA's GPUs is installed; asked without importing torch."""
    try:
        ctypes.CDLL(DRIVER)
    except OSError:
        return False
    return True
