"""Closing tables of sweeps that nobody ran, as a terminal shows them."""

import io
from typing import Any

from rich.console import Console

from tlrun.report.sweep_legend import Settings
from tlrun.report.sweep_table import sweep_table
from tlrun.runs.outcome import Outcome

from problems import outcome


def shown(settings: Settings, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width, markup=False)
    console.print(sweep_table(settings, console))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def said(settings: Settings) -> str:
    """All that is shown, in one line."""
    return " ".join(shown(settings).split())


def seeds(*tests: float, **changes: Any) -> list[list[Outcome]]:
    """An outcomes a seed, each with a control that scores 0.4."""
    return [
        [outcome(test=test, seed=k, **changes), outcome("scratch", 0.4, seed=k)]
        for k, test in enumerate(tests)
    ]
