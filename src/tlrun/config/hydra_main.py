"""Hydra's own entry, for what Hydra answers by itself, and for its launchers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import hydra
from omegaconf import DictConfig

from tlrun.config.compose import prepare


def through_hydra(task: Callable[[DictConfig], None], argv: Sequence[str]) -> bool:
    """Let Hydra call `task` for every job of `argv`, or answer a flag of its own.

    argv: overrides, then flags. Returns whether Hydra gave up, after having said why.
    """
    prepare()
    sys.argv = [sys.argv[0], *argv]
    try:
        hydra.main(config_path="pkg://tlrun.configs", config_name="run", version_base="1.3")(task)()
    except SystemExit as end:
        return bool(end.code)
    return False
