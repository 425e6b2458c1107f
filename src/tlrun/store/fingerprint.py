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
# Rooms that only read a command line, carry out what it asks, or use results cannot change them.
NOT_DECISIVE = (
    "__init__.py", "__main__.py", "api", "cli", "config", "configs", "inference", "report",
    "selection", "sweeps",
)  # fmt: skip


def fingerprint(threads: int, device: str, plugins: Mapping[str, str]) -> dict[str, str | int]:
    """All that may decide bits beside config, seed and data, each under its name.

    These are versions, threads, device, CPU capability, and digests of the sources of tlrun and of
    the plug-ins in use. device: as `training.devices.describe` says it. plugins: the digest of
    each, by its name.
    """
    facts: dict[str, str | int] = {
        "tlrun sources": _sources(),
        "python": platform.python_version(),
        **versions(*LIBRARIES),
        "threads": threads,
        "cpu": cpu_capability(),
        "device": device,
    }
    for name, digest in plugins.items():
        facts[f"plug-in {name}"] = digest
    return facts


def differences(then: dict[str, str | int], now: dict[str, str | int]) -> str:
    """What differs between the fingerprints `then` and `now`, in words; empty if nothing does."""
    changes = []
    for key in now | then:
        if then.get(key) != now.get(key):
            before, after = then.get(key, "unknown"), now.get(key, "unknown")
            changes.append(f"{key} {before} then, {after} now")
    return ", ".join(changes)


@cache
def versions(*libraries: str) -> dict[str, str]:
    """Of installed libraries, by name; cached, for each takes milliseconds and a sweep asks often.

    Raises importlib.metadata.PackageNotFoundError where one is not installed.
    """
    return {name: metadata.version(name) for name in libraries}


@cache
def cpu_capability() -> str:
    """The processor's maker, and the vector instructions that torch chooses on it.

    These are AVX512, AVX2 or DEFAULT: torch's kernels, and its BLAS, take other paths, and so round
    otherwise, on each. Elsewhere than on x86 Linux: what the platform calls itself.
    """
    if platform.machine().lower() not in ("x86_64", "amd64") or not Path("/proc/cpuinfo").exists():
        return f"{platform.system()} {platform.machine()} {platform.processor()}".strip()
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    facts = {}
    for line in lines:
        key, _, value = line.partition(":")
        facts[key.strip()] = value.strip()
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
    """The first 12 hex digits of sha256 over the modules that decide a result."""
    total = hashlib.sha256()
    root = Path(str(resources.files("tlrun")))
    for path in sorted(root.rglob("*.py")):
        if path.relative_to(root).parts[0] not in NOT_DECISIVE:
            total.update(f"{path.relative_to(root).as_posix()}\n".encode() + path.read_bytes())
    return total.hexdigest()[:12]
