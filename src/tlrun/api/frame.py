"""Finished runs as a list, and as a data frame of pandas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlrun.cli.kept_settings import flat, read_config
from tlrun.core.errors import Mistake, UserError
from tlrun.runs import outcome as outcomes
from tlrun.runs.outcome import Outcome
from tlrun.runs.plan import THIS

if TYPE_CHECKING:
    import pandas as pd

# Keys of a config that have a column of their own, whether they differ or not.
NAMED = ("dataset", "strategy", "seed", "lam.value")


class Runs(list[Outcome]):
    """Finished runs, in order."""

    def to_frame(self) -> pd.DataFrame:
        """A data frame with a row a run, in order.

        run, path: its id and folder. name: what it is called as the control of another, or its
        strategy. dataset, strategy, lam (a number, ∞ too; missing where λ decides nothing or moves
        over a stage), lam_label (as written), seed. metric, val, test: the score in its headline,
        not in percent; missing where undefined. diverged: whether the run has; inexact: how the
        fingerprints differ that it was trained under, empty where there is one. labels.<domain>:
        labels used. steps, examples: drawn in training; seconds. parameters: of the network;
        missing without one. problem, setting, family: ids that runs share (`Outcome`). Then every
        other key of their configs whose value they do not all have, by its dotted name; missing
        where a run has no such key.

        Raises UserError where pandas is not installed.
        """
        if find_spec("pandas") is None:
            hint = "pip install 'tl-run[pandas]'"
            raise UserError(Mistake("to_frame", "pandas", "it is not installed", hint))
        import pandas as pd

        configs = [_config(run) for run in self]
        rows = [_row(run, config) for run, config in zip(self, configs, strict=True)]
        keys = _differing(configs)
        for row, config in zip(rows, configs, strict=True):
            row |= {key: config.get(key) for key in keys}
        return pd.DataFrame(rows)


def load_runs(runs_dir: str | Path = "runs") -> Runs:
    """Every finished and whole run below `runs_dir`, the oldest first, named by its strategy."""
    return Runs(outcomes.load_runs(runs_dir))


def _row(run: Outcome, config: dict[str, Any]) -> dict[str, Any]:
    """What every run has a column for."""
    result, size = run.result, run.result["size"] or {}
    headline = result["headline"]
    return {
        "run": run.path.name,
        "path": str(run.path),
        "name": run.strategy if run.name == THIS else run.name,
        "dataset": config.get("dataset", run.path.parent.parent.name),
        "strategy": run.strategy,
        "lam": _number(run.lam),
        "lam_label": run.lam_label,
        "seed": run.seed,
        "metric": headline["name"],
        "val": _number(headline["val"]),
        "test": _number(headline["test"]),
        "diverged": run.diverged,
        "inexact": run.inexact,
        **{f"labels.{domain}": count for domain, count in result["labels"].items()},
        "steps": result["steps"],
        "examples": result["examples"],
        "seconds": run.seconds,
        "parameters": size.get("parameters"),
        "problem": run.problem,
        "setting": run.setting,
        "family": run.family,
    }


def _number(value: float | None) -> float:
    """The number, or nan where there is none, which pandas knows for a missing one."""
    return math.nan if value is None else value


def _config(run: Outcome) -> dict[str, Any]:
    """The config of a run by dotted keys, lists as tuples; empty where it is not what it was."""
    try:
        run.check("config.yaml")
    except ValueError:
        return {}
    plain = {key: _hashable(value) for key, value in flat(read_config(run.path)).items()}
    return {"lam.name" if key == "lam" else key: value for key, value in plain.items()}


def _hashable(value: Any) -> Any:
    return tuple(map(_hashable, value)) if isinstance(value, list) else value


def _differing(configs: Sequence[dict[str, Any]]) -> list[str]:
    """The keys that not all configs have alike, without those that are NAMED."""
    keys = dict.fromkeys(key for config in configs for key in config)
    absent = object()
    return [
        key
        for key in keys
        if key not in NAMED and len({repr(config.get(key, absent)) for config in configs}) > 1
    ]
