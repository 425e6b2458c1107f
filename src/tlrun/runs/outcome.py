"""One finished run, as tables read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """One finished run, trained just now or found. seconds: of the training, whenever that was."""

    name: str  # THIS, or the name of the control
    strategy: str
    lam: str  # empty where λ does not decide the result
    seed: int
    setting: str  # an id of all but the seed: what the runs of many seeds share
    family: str  # an id of all but seed and λ: what the runs along a λ axis share
    path: Path
    result: Mapping[str, Any]
    seconds: float
    found: bool
    # how the fingerprint it was made under differs from today's; empty where it does not
    differs: str
