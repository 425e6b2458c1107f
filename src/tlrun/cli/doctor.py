"""tl-run doctor: what is installed, what it can use, what is wrong, and the fix."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from tlrun.config import plugins
from tlrun.config.registry import shipped
from tlrun.core.errors import Mistake, UserError, printable
from tlrun.store.fingerprint import cpu_capability
from tlrun.store.found import below, runs
from tlrun.training.devices import describe, has_driver

PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "scikit-learn",
    "hydra-core",
    "omegaconf",
    "rich",
    "safetensors",
)
EXTRAS = {"joblib": "hydra-joblib-launcher", "slurm": "hydra-submitit-launcher"}
FREE = 2**30  # bytes of disk below which a sweep may not finish


class Finding(NamedTuple):
    """One line. fix: what to do about it; empty where nothing is wrong."""

    what: str
    found: str
    fix: str = ""


def doctor(arguments: Sequence[str]) -> int:
    """Print what is there and what is wrong. Returns 0, or 1 where something is wrong."""
    if {"--help", "-h"} & set(arguments):
        print(
            "tl-run doctor [--runs-dir PATH]     what is installed, what it can use, what is wrong, and the fix"
        )
        return 0
    runs_dir, others = below(arguments)
    if others:
        raise UserError(Mistake("doctor", "nothing or --runs-dir PATH", " ".join(others)))
    wrong = 0
    for finding in findings(runs_dir):
        wrong += bool(finding.fix)
        print(printable(f"{'✗' if finding.fix else '✓'} {finding.what:<12}{finding.found}"))
        if finding.fix:
            print(printable(f"  {'':<12}→ {finding.fix}"))
    print(f"\n{wrong} thing{'s' * (wrong != 1)} to mend." if wrong else "\nNothing is wrong.")
    return 1 if wrong else 0


def findings(runs_dir: Path) -> Iterator[Finding]:
    """Everything that a run depends on, one after another; torch is imported at the last."""
    yield Finding(
        "tl-run",
        f"{metadata.version('tl-run')}, Python {platform.python_version()} ({sys.executable})",
    )
    yield from _packages()
    yield from _torch()
    yield _processor()
    yield from _plugins()
    yield Finding(
        "extras",
        ", ".join(f"{name} ({_version(dist) or 'not installed'})" for name, dist in EXTRAS.items()),
    )
    yield from _disk(runs_dir)


def _packages() -> Iterator[Finding]:
    versions = {name: _version(name) for name in PACKAGES}
    missing = [name for name, version in versions.items() if not version]
    fix = f"pip install {' '.join(missing)}" if missing else ""
    yield Finding(
        "packages",
        ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items()),
        fix,
    )


def _torch() -> Iterator[Finding]:
    try:
        import torch
        import torchvision  # noqa: F401  # a torch of another build only fails here
    except Exception as error:  # noqa: BLE001  # a mismatch of the two raises whatever it raises
        told = " ".join(str(error).split())[:200]
        fix = "pip install --force-reinstall torch torchvision, so that the two are of one release"
        yield Finding("PyTorch", f"cannot be imported: {type(error).__name__}: {told}", fix)
        return
    yield Finding(
        "PyTorch",
        f"{torch.__version__}, {torch.get_num_threads()} threads where a run asks for none",
    )
    if torch.cuda.is_available():
        gpus = [describe(f"cuda:{number}") for number in range(torch.cuda.device_count())]
        yield Finding("device", f"{'; '.join(gpus)} (device=auto takes the first)")
    elif has_driver():
        why = (
            "is built without CUDA"
            if torch.version.cuda is None
            else f"for CUDA {torch.version.cuda} cannot use it"
        )
        fix = "update the driver, or install the PyTorch build for its CUDA version; until then device=cpu is used"
        yield Finding(
            "device", f"cpu; a driver for NVIDIA GPUs is there, but this PyTorch {why}", fix
        )
    else:
        yield Finding("device", "cpu; no driver for NVIDIA GPUs")


def _processor() -> Finding:
    usable = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return Finding(
        "processor",
        f"{cpu_capability()}, {usable} cores for this process (sweep.jobs, if it is not set)",
    )


def _plugins() -> Iterator[Finding]:
    names = [(group, name) for group in plugins.ENTRY_POINTS for name in plugins.announced(group)]
    for group, name in names:
        where = plugins.origin(group, name)
        if name in shipped(group):
            yield Finding(
                "plug-in",
                f"{group}={name} of {where}",
                "that name is tl-run's own: the package must rename it",
            )
            continue
        try:
            plugins.load(group, name)
        except UserError as error:
            yield Finding(
                "plug-in", f"{group}={name} of {where}", f"mend or remove {where}: {error.lines[0]}"
            )
        else:
            yield Finding("plug-in", f"{group}={name} of {where}")
    if not names:
        yield Finding("plug-ins", "none")


def _disk(runs_dir: Path) -> Iterator[Finding]:
    there = next(folder for folder in (runs_dir, *runs_dir.absolute().parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        yield Finding(
            "runs", f"{runs_dir} cannot be written", "choose another folder: runs_dir=PATH"
        )
        return
    free = shutil.disk_usage(there).free
    counts = Counter(run.status for run in runs(runs_dir))
    told = ", ".join(f"{count} {status}" for status, count in counts.items()) or "none yet"
    fix = "free some disk, or choose another folder: runs_dir=PATH" if free < FREE else ""
    yield Finding("runs", f"{told}, in {runs_dir}; {free / 2**30:.1f} GiB free", fix)
    if unfinished := counts["failed"] + counts["stopped"] + counts["interrupted"]:
        yield Finding(
            "unfinished", f"{unfinished} runs: tl-run ls status=failed (or stopped, interrupted)"
        )


def _version(dist: str) -> str:
    try:
        return metadata.version(dist)
    except metadata.PackageNotFoundError:
        return ""
