"""Made runs at several learning rates, and the plan of a study that chooses among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlrun.store.studydir import StudyPlan, Trials

from made_runs import put_run
from made_studies import planned

RATES = (0.001, 0.003, 0.01)
ARM, CONTROLS = "parameter_transfer", ("scratch", "source_only")
Losses = Mapping[int, Sequence[float | None]]  # of each seed, the validation loss at each rate


def at(name: str, rate: float) -> str:
    """The setting, and the family, of a strategy at a rate."""
    return f"{name} lr={rate:g}"


def put_trial(
    path: Path,
    strategy: str,
    seed: int,
    rate: float,
    right: np.ndarray,
    val_loss: float | None,
    **facts: Any,
) -> Path:
    """One trial; its controls are those at its own rate."""
    return put_run(
        path,
        strategy,
        seed,
        right,
        options={"lr": f"{rate:g}"},
        controls={name: at(name, rate) for name in CONTROLS},
        val_loss=val_loss,
        optimizer={"name": "adam", "lr": rate},
        **facts,
    )


def put_trials(path: Path, strategy: str, losses: Losses, start: int = 0, rows: int = 60) -> None:
    """Every trial of a strategy; what it gets right in the test is drawn, whatever its losses."""
    rng = np.random.default_rng([start, *strategy.encode()])
    for seed, of_seed in losses.items():
        for rate, loss in zip(RATES, of_seed, strict=True):
            put_trial(path, strategy, seed, rate, rng.random(rows) < rng.random(), loss)


def drawn_losses(seeds: int, start: int = 0) -> dict[int, list[float | None]]:
    """Losses at random, one of them missing now and then, as of a run that has diverged."""
    rng = np.random.default_rng(start)
    losses: dict[int, list[float | None]] = {}
    for seed in range(seeds):
        losses[seed] = [float(x) if x < 0.9 else None for x in rng.random(len(RATES))]
    return losses


def tuned_plan(path: Path, names: Sequence[str] = (ARM,), **changes: Any) -> StudyPlan:
    """The declared plan of arms at every rate, each measured against CONTROLS."""
    trials = [Trials(RATES, tuple(at(name, r) for r in RATES)) for name in (*names, *CONTROLS)]
    first = {name: [at(name, RATES[0])] for name in (*names, *CONTROLS)}
    arms = {at(name, RATES[0]): first[name] for name in names}
    controls = {name: first[name] for name in CONTROLS}
    return planned(path, arms, controls=controls, tuning=tuple(trials), **changes)


def put_tuned(path: Path, seeds: int = 6, start: int = 0) -> dict[str, Losses]:
    """A whole tuned study, declared. Returns the losses of each of its strategies."""
    tuned_plan(path, seeds=range(seeds))
    every: dict[str, Losses] = {}
    for number, name in enumerate((ARM, *CONTROLS)):
        every[name] = drawn_losses(seeds, 10 * start + number)
        put_trials(path, name, every[name], start)
    return every
