"""Jobs: a command that is killed, and the same command again."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reliability.harness_compare import Picture, broken, picture, recovered
from reliability.harness_hooks import Killed
from reliability.harness_operations import Operation
from reliability.harness_trial import command, recorded

# In memory where there is such a place: what is killed or dropped is so in the harness.
SCRATCH = next((path for path in ("/dev/shm",) if os.access(path, os.W_OK)), None)
TINY = (
    "backbone=mlp", "backbone.hidden=[8]", "trainer.steps=12", "trainer.batch_size=8",
    "trainer.eval_every=4", "device=cpu", "controls=false",
)  # fmt: skip
STRATEGIES = {
    # two stages, the source's shared between runs
    "parameter_transfer": (*TINY, "strategy=parameter_transfer", "lam.value=1"),
    "structure_transfer": (*TINY, "strategy=structure_transfer", "lam.value=1"),
    "feature_transfer": (*TINY, "strategy=feature_transfer", "lam.value=inf"),
    "task_relation": (*TINY, "strategy=task_relation", "dataset=digits_binary", "lam.value=1"),
    "shared_parameters": (*TINY, "strategy=shared_parameters", "dataset=digits_tasks"),
}


@dataclass(frozen=True)
class Reference:
    """What an uninterrupted command leaves, and the operations it takes."""

    words: tuple[str, ...]
    picture: Picture
    operations: Sequence[Operation]
    screen: str


def reference(words: tuple[str, ...]) -> Reference:
    """Carry out a command without any harm."""
    with tempfile.TemporaryDirectory(dir=SCRATCH) as home:
        runs_dir = Path(home, "runs")
        ended = recorded(words, runs_dir)
        assert ended.code == 0, ended.screen
        return Reference(words, picture(runs_dir), ended.operations, ended.screen)


def killed_at(
    words: tuple[str, ...],
    wanted: Picture,
    at: int,
    half: bool = False,
    mutants: Sequence[str] = (),
) -> list[str]:
    """What is wrong after SIGKILL before operation `at`, and the same command again."""
    with tempfile.TemporaryDirectory(dir=SCRATCH) as home:
        runs_dir = Path(home, "runs")
        killed = command(words, runs_dir, Killed(at, half=half), mutants)
        if killed.code != -9:
            return [f"not killed at {at}: {killed.code} {killed.screen[-500:]}"]
        found = broken(runs_dir) if runs_dir.exists() else []
        again = command(words, runs_dir, mutants=mutants)
        found += recovered(again, runs_dir, wanted)
        return [f"killed at {at}{' half' * half}: {what}" for what in found]
