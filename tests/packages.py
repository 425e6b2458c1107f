"""Small packages with entry points, as pip would leave them, for tests of plug-ins."""

from __future__ import annotations

from pathlib import Path

FAULTY = '''
"""A strategy that goes wrong, in every way a run can."""

import math
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tlrun import Constant, Objective, Stage, Strategy


@dataclass(frozen=True)
class Faulty(Strategy):
    """The target alone, until something happens."""

    case: Literal[
        "a", "b", "c", "d", "raise", "exit", "kill", "memory", "quit", "hang", "deaf", "child"
    ] = "a"
    ignores = frozenset({"lam"})

    def stages(self, problem, lam, steps):
        return (Stage("target", problem.named("target"), steps, lam=Constant(math.inf)),)

    def objective(self, steps, model, lam):
        if self.case == "raise":
            raise ValueError("raised on purpose")
        if self.case == "exit":
            sys.exit(5)
        if self.case == "quit":
            os._exit(7)
        if self.case == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.case == "memory":
            import resource

            import torch

            _, most = resource.getrlimit(resource.RLIMIT_AS)
            resource.setrlimit(resource.RLIMIT_AS, (2**33, most))
            torch.zeros(2**33)
        if self.case == "child":
            child = os.fork()
            if child == 0:
                time.sleep(3600)
                os._exit(0)
            Path("child").write_text(str(child))
        if self.case == "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            Path("deaf").touch()
            time.sleep(3600)
        if self.case == "hang":
            time.sleep(3600)
        L_T = steps.loss("target")
        return Objective(L_T, {"L_T": L_T})
'''


def package(folder: Path, name: str, source: str, entry_points: dict[str, str]) -> Path:
    """A module `name` in `folder` with its metadata; entry_points: lines per group, such as `x =
    mine:X`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8"
    )
    text = "".join(f"[{group}]\n{lines}\n" for group, lines in entry_points.items())
    (info / "entry_points.txt").write_text(text, encoding="utf-8")
    return folder


def faulty(folder: Path) -> Path:
    """The package of the strategy `faulty`."""
    return package(folder, "faulty_pkg", FAULTY, {"tlrun.strategies": "faulty = faulty_pkg:Faulty"})
