"""Where tensors live: device=auto|cpu|cuda|cuda:N.

torch is imported only where there may be a GPU to find.
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from pathlib import Path

from tlrun.core.errors import Mistake, UserError
from tlrun.core.options import Form

DEVICE = Form(r"auto|cpu|cuda(:\d+)?", "auto, cpu, cuda or cuda:N", ("auto", "cpu", "cuda"))
CPUINFO = Path("/proc/cpuinfo")
CPU_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}  # of x86, x86 and ARM, as Linux spells them
GPU_BF16 = (8, 0)  # the compute capability from which NVIDIA's tensor cores have it
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


def bf16_instructions(resolved: str) -> str:
    """Those that a device which `resolve` gave has for bfloat16, by name; empty where it has none.

    They decide which kernels compute in bfloat16, and so the bits. Of a CPU they are known on Linux
    alone, where /proc/cpuinfo lists them.
    """
    if resolved == "cpu":
        return " ".join(sorted(CPU_BF16 & _cpu_flags()))
    import torch

    return "tensor cores" if torch.cuda.get_device_capability(resolved) >= GPU_BF16 else ""


@cache
def _cpu_flags() -> frozenset[str]:
    """The instruction sets that Linux names for this processor; empty elsewhere."""
    if not CPUINFO.exists():
        return frozenset()
    flags: set[str] = set()
    for line in CPUINFO.read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() in ("flags", "Features"):
            flags.update(value.split())
    return frozenset(flags)


def has_driver() -> bool:
    """Whether a driver for NVIDIA's GPUs is installed; asked without importing torch."""
    try:
        ctypes.CDLL(DRIVER)
    except OSError:
        return False
    return True
