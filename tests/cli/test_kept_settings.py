from pathlib import Path
from typing import Any

import pytest
import yaml

from tlrun.cli.kept_settings import differing, flat, read_config

CONFIGS: list[dict[str, Any]] = [
    {"dataset": {"name": "digits", "classes": "shared"}, "seed": 3},
    {"lam": {"name": "constant", "value": float("inf")}, "backbone": {"name": "x", "h": [1, 2]}},
    {"strategy": {"name": "fused", "first": {"name": "a", "graph": [["a:b", 1], ["\nc", 0.5]]}}},
    {},
]


@pytest.mark.parametrize("config", CONFIGS)
def test_read_in_parts_it_is_what_yaml_reads(config: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    assert read_config(tmp_path) == config


@pytest.mark.parametrize("text", ["- 1\n", "a: [", "\x00", "a: 1\nb: *a\n"])
def test_what_is_no_config_is_empty(text: str, tmp_path: Path) -> None:
    assert read_config(tmp_path) == {}  # there is none
    (tmp_path / "config.yaml").write_text(text)
    assert read_config(tmp_path) == {}


def test_only_what_is_not_shared_is_told() -> None:
    base = {"trainer": {"steps": 200, "batch_size": 64}, "seed": 0, "dataset": {"name": "digits"}}
    other = {**base, "seed": 1, "trainer": {"steps": 500, "batch_size": 64}}

    assert differing([flat(base), flat(base)]) == ["", ""]
    assert differing([flat(base), flat(other)]) == ["steps=200", "steps=500"]
    assert differing([]) == []


def test_options_of_two_nodes_are_not_compared() -> None:
    configs = [
        {"strategy": "scratch", "strategy.budget": "target"},
        {"strategy": "scratch", "strategy.budget": "total"},
        {"strategy": "source_only", "strategy.budget": "source"},
    ]

    assert differing(configs) == ["budget=target", "budget=total", ""]


def test_keys_of_one_last_part_are_told_whole() -> None:
    configs = [{"a.lr": 1, "b.lr": 2, "c": "x"}, {"a.lr": 2, "b.lr": 1, "c": "y"}]

    assert differing(configs) == ["a.lr=1 b.lr=2 c=x", "a.lr=2 b.lr=1 c=y"]
