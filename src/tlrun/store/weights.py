"""Stub until merged."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

from tlrun.models.backbone import WeightsFile


def weights_digest(file: WeightsFile) -> str:
    """sha256."""
    return hashlib.sha256(file.path.read_bytes()).hexdigest()


def read_weights(runs_dir: Path, file: WeightsFile) -> dict[str, Tensor]:
    """Tensors."""
    from safetensors.torch import load

    return load(file.path.read_bytes())
