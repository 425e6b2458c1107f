"""Runs of heads for tests: small sweeps whose last stages can be trained as one product."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tlrun.runs.plan import THIS, Plan
from tlrun.sweeps.batched.together import Result, carry_out
from tlrun.sweeps.executors.base import Job

from problems import Watcher, config, planned

HEADS = {"name": "feature_transfer"}


def lam(value: float) -> dict[str, Any]:
    """The node of a λ."""
    return {"name": "constant", "value": value}


def plan_of(runs_dir: Path, value: float = 1.0, **changes: Any) -> Plan:
    """The plan of a run that trains a head on a frozen φ, at one λ; `changes` as of `config`."""
    nodes = {"strategy": HEADS, "lam": lam(value)} | changes
    return planned(config(runs_dir, **nodes), Watcher())


def jobs_of(plans: Sequence[Plan]) -> list[Job]:
    """A job for each plan."""
    return [
        Job(THIS, plan, plan.run_dir.runs_dir / f"{number}.log")
        for number, plan in enumerate(plans)
    ]


def stacked(plans: Sequence[Plan], watcher: Watcher | None = None) -> dict[Path, Result]:
    """What became of runs that are carried out together, by the folder of each."""
    results: list[Result] = []
    carry_out(jobs_of(plans), watcher or Watcher(), results.append)
    assert len({result.job for result in results}) == len(results) == len(plans)
    return {result.job.path: result for result in results}


def record_of(path: Path) -> dict[str, Any]:
    """run.json of a run."""
    found: dict[str, Any] = json.loads((path / "run.json").read_text())
    return found
