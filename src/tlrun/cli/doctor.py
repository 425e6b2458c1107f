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

from tlrun.cli.doctor_folders import NO_FOLDER, no_folders
from tlrun.cli.doctor_verify import verify
from tlrun.config import plugins
from tlrun.config.registry import shipped
from tlrun.core.errors import Mistake, UserError, printable
from tlrun.report.amounts import counted
from tlrun.store.fingerprint import cpu_capability
from tlrun.store.found import below, runs
from tlrun.store.studydir import damaged_studies
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
USAGE = """\
tl-run doctor [--verify] [--runs-dir PATH]

What is installed, what it can use, what is wrong, and the fix.

  tl-run doctor --verify   every file of finished runs, of stages and of the
                           cache, read and compared with its digest; what is
                           damaged is named, and the exit code is 1"""
EXTRAS = {"joblib": "hydra-joblib-launcher", "slurm": "hydra-submitit-launcher"}
FREE = 2**30  # bytes of disk below which a sweep may not finish


class Finding(NamedTuple):
    """One line: of what, and what was found. fix: what to do; empty where nothing is wrong."""

    what: str
    found: str
    fix: str = ""


def doctor(arguments: Sequence[str]) -> int:
    """Print what is there and what is wrong. Returns 0, or 1 where something is wrong.

    Raises UserError for what cannot be asked.
    """
    if {"--help", "-h"} & set(arguments):
        print(USAGE)
        return 0
    runs_dir, others = below(arguments)
    if others == ["--verify"]:
        return verify(runs_dir)
    if others:
        raise UserError(Mistake("doctor", "--verify or --runs-dir PATH", " ".join(others)))
    wrong = 0
    for finding in findings(runs_dir):
        mark = "✗" if finding.fix else "✓"
        print(printable(f"{mark} {finding.what:<12}{finding.found}"))
        if finding.fix:
            wrong += 1
            print(printable(f"  {'':<12}→ {finding.fix}"))
    if wrong:
        print(f"\n{counted(wrong, 'thing')} to mend.")
        return 1
    print("\nNothing is wrong.")
    return 0


def findings(runs_dir: Path) -> Iterator[Finding]:
    """Everything that a run depends on, one after another; torch is imported at the last."""
    python = f"Python {platform.python_version()} ({sys.executable})"
    yield Finding("tl-run", f"{metadata.version('tl-run')}, {python}")
    yield _packages()
    yield from _torch()
    yield _processor()
    yield from _plugins()
    extras = [f"{name} ({_version(dist) or 'not installed'})" for name, dist in EXTRAS.items()]
    yield Finding("extras", ", ".join(extras))
    yield from _disk(runs_dir)


def _packages() -> Finding:
    installed, missing = [], []
    for name in PACKAGES:
        version = _version(name)
        installed.append(f"{name} {version or 'missing'}")
        if not version:
            missing.append(name)
    fix = f"pip install {' '.join(missing)}" if missing else ""
    return Finding("packages", ", ".join(installed), fix)


def _torch() -> Iterator[Finding]:
    try:
        import torch
        import torchvision  # noqa: F401  # a torch of another build only fails here
    except Exception as error:  # noqa: BLE001  # a mismatch of the two raises whatever it raises
        message = " ".join(str(error).split())[:200]
        fix = "pip install --force-reinstall torch torchvision, so that the two are of one release"
        yield Finding("PyTorch", f"cannot be imported: {type(error).__name__}: {message}", fix)
        return
    threads = f"{torch.get_num_threads()} threads where a run asks for none"
    yield Finding("PyTorch", f"{torch.__version__}, {threads}")
    if torch.cuda.is_available():
        gpus = [describe(f"cuda:{number}") for number in range(torch.cuda.device_count())]
        yield Finding("device", f"{'; '.join(gpus)} (device=auto takes the first)")
    elif has_driver():
        why = "is built without CUDA"
        if torch.version.cuda is not None:
            why = f"for CUDA {torch.version.cuda} cannot use it"
        fix = (
            "update the driver, or install the PyTorch build for its CUDA version; "
            "until then device=cpu is used"
        )
        found = f"cpu; a driver for NVIDIA GPUs is there, but this PyTorch {why}"
        yield Finding("device", found, fix)
    else:
        yield Finding("device", "cpu; no driver for NVIDIA GPUs")


def _processor() -> Finding:
    count = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        count = len(os.sched_getaffinity(0))
    cores = f"{count} cores for this process (sweep.jobs, if it is not set)"
    return Finding("processor", f"{cpu_capability()}, {cores}")


def _plugins() -> Iterator[Finding]:
    none = True
    for group in plugins.ENTRY_POINTS:
        for name in plugins.announced(group):
            none = False
            found = f"{group}={name} of {plugins.origin(group, name)}"
            yield Finding("plug-in", found, _plugin_fix(group, name))
    if none:
        yield Finding("plug-ins", "none")


def _plugin_fix(group: str, name: str) -> str:
    """What to do about a plug-in; empty where it can be loaded."""
    if name in shipped(group):
        return "that name is tl-run's own: the package must rename it"
    try:
        plugins.load(group, name)
    except UserError as error:
        return f"mend or remove {plugins.origin(group, name)}: {error.lines[0]}"
    return ""


def _disk(runs_dir: Path) -> Iterator[Finding]:
    folders = (runs_dir, *runs_dir.absolute().parents)
    existing = next(folder for folder in folders if folder.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK):
        found = f"{runs_dir} cannot be written"
        yield Finding("runs", found, "choose another folder: runs_dir=PATH")
        return
    free = shutil.disk_usage(existing).free
    counts = Counter(run.status for run in runs(runs_dir))
    summary = ", ".join(f"{count} {status}" for status, count in counts.items()) or "none yet"
    fix = "free some disk, or choose another folder: runs_dir=PATH" if free < FREE else ""
    yield Finding("runs", f"{summary}, in {runs_dir}; {free / 2**30:.1f} GiB free", fix)
    if unfinished := counts["failed"] + counts["stopped"] + counts["interrupted"]:
        where = "tl-run ls status=failed (or stopped, interrupted)"
        yield Finding("unfinished", f"{unfinished} runs: {where}")
    if damaged := counts["damaged"]:
        fix = "give their commands again: each is made anew"
        yield Finding("damaged", f"{counted(damaged, 'run')}: tl-run ls status=damaged", fix)
    for path, found in no_folders(runs_dir):
        yield Finding("folder", f"{path}: expected a folder, found {found}", NO_FOLDER)
    for mistake in damaged_studies(runs_dir):
        yield Finding(
            "study", f"{mistake.key}: {mistake.found}", mistake.hint or "see its permissions"
        )


def _version(dist: str) -> str:
    """The version of an installed package; empty where it is not installed."""
    try:
        return metadata.version(dist)
    except metadata.PackageNotFoundError:
        return ""
