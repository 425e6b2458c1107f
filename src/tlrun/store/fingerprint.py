"""The fingerprint: everything beside config, seed and data that may decide the bits of a result.

It is read without importing torch, so that a finished run can be shown at once.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata, resources
from pathlib import Path

LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn")
# Rooms that only read a command line, carry out what it asks, or show results cannot change them.
NOT_DECISIVE = ("__init__.py", "__main__.py", "cli", "config", "configs", "report", "sweeps")


def fingerprint(threads: int, device: str, plugins: Mapping[str, str]) -> dict[str, str | int]:
    """Versions, threads, device, CPU capability, and digests of the sources of tlrun and of the
    plug-ins in use.
    """
    return {
        "tlrun sources": _sources(),
        "python": platform.python_version(),
        **_versions(),
        "threads": threads,
        "cpu": cpu_capability(),
        "device": device,
        **{f"plug-in {name}": digest for name, digest in plugins.items()},
    }


def differences(then: dict[str, str | int], now: dict[str, str | int]) -> str:
    """What differs between two fingerprints, in words; empty where nothing does."""
    keys = [key for key in {**now, **then} if then.get(key) != now.get(key)]
    return ", ".join(
        f"{key} {then.get(key, 'unknown')} then, {now.get(key, 'unknown')} now" for key in keys
    )


@cache
def _versions() -> dict[str, str]:
    """Of the libraries; milliseconds each, and a sweep asks a thousand times."""
    return {name: metadata.version(name) for name in LIBRARIES}


@cache
def cpu_capability() -> str:
    """Maker of the processor, and the vector instructions torch chooses on it: AVX512, AVX2 or
    DEFAULT.

    torch's kernels, and its BLAS, take other paths, and so round otherwise, on each. Elsewhere than
    on x86 Linux: what the platform calls itself.
    """
    if platform.machine().lower() not in ("x86_64", "amd64") or not Path("/proc/cpuinfo").exists():
        return f"{platform.system()} {platform.machine()} {platform.processor()}".strip()
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    facts = {
        key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)
    }
    flags = set(facts.get("flags", "").split())
    forced = os.environ.get("ATEN_CPU_CAPABILITY", "")
    if {"avx512vl", "avx512bw", "avx512dq", "fma"} <= flags and not forced:
        capability = "AVX512"
    elif {"avx2", "fma"} <= flags and not forced:
        capability = "AVX2"
    else:
        capability = forced.upper() or "DEFAULT"
    return f"{facts.get('vendor_id', 'unknown')} {capability}"


@cache
def _sources() -> str:
    """The head of sha256 over the modules that decide a result."""
    total = hashlib.sha256()
    root = Path(str(resources.files("tlrun")))
    for path in sorted(root.rglob("*.py")):
        if path.relative_to(root).parts[0] not in NOT_DECISIVE:
            total.update(f"{path.relative_to(root).as_posix()}\n".encode() + path.read_bytes())
    return total.hexdigest()[:12]
