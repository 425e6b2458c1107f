"""What tells the arms of a study apart: the options in which their configs differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from tlrun.config.yaml_text import read_yaml
from tlrun.core.errors import printable
from tlrun.core.paths import read_text
from tlrun.runs.outcome import Outcome

NO_OPTION = ("seed", "lam")  # what is averaged over, and what has a column of its own


def labels_of(runs: Sequence[Outcome]) -> dict[str, str]:
    """What each family among `runs` is called: its strategy, and the options it differs in.

    Such as "feature_transfer train=all, labels_per_class=10". Options of a strategy are told where
    another family of the same strategy has others.
    """
    strategies: dict[str, str] = {}
    configs: dict[str, dict[str, str]] = {}
    for run in runs:
        if run.family not in configs:
            strategies[run.family] = run.strategy
            configs[run.family] = config_of(run)
    labels = {}
    for family, strategy in strategies.items():
        told = []
        for key in differing(configs):
            like = configs
            if key.startswith("strategy."):
                like = {f: config for f, config in configs.items() if strategies[f] == strategy}
            values = {config.get(key) for config in like.values() if key in config}
            if len(values) > 1 and key in configs[family]:
                told.append(f"{key.rpartition('.')[2]}={configs[family][key]}")
        labels[family] = printable(" ".join([strategy, ", ".join(told)]).strip())
    return labels


def differing(configs: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The keys that not all of some configs have with one value, in the order of the configs."""
    keys = dict.fromkeys(key for config in configs.values() for key in config)
    return [key for key in keys if len({config.get(key) for config in configs.values()}) > 1]


def config_of(run: Outcome) -> dict[str, str]:
    """The options of a run, by dotted key, as text; {} where it has none, or damaged ones.

    Without its seed, its λ and the name of its strategy.
    """
    try:
        run.check("config.yaml")
        config = read_yaml(read_text(run.path / "config.yaml"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    if not isinstance(config, dict):
        return {}
    leaves = dict(_leaves({key: v for key, v in config.items() if key not in NO_OPTION}, ""))
    leaves.pop("strategy.name", None)
    return leaves


def _leaves(node: Mapping[str, Any], path: str) -> list[tuple[str, str]]:
    leaves: list[tuple[str, str]] = []
    for key, value in node.items():
        if isinstance(value, dict):
            leaves += _leaves(value, f"{path}{key}.")
        else:
            text = "null" if value is None else str(value)
            leaves.append((f"{path}{key}", text.lower() if isinstance(value, bool) else text))
    return leaves
