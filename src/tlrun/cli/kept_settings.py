"""The settings of runs, as their folders keep them, and which of them tell runs apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tlrun.config.yaml_text import read_yaml
from tlrun.core.paths import read_text

IN_NAMES = {"dataset", "strategy", "lam", "lam.value", "seed"}  # what a run's folder says itself


def read_config(folder: Path) -> dict[str, Any]:
    """The config.yaml of the run in `folder`; empty where it cannot be read. It is not changed.

    Runs share most of what stands there, so that each part of a text is read once for all.
    """
    try:
        text = read_text(folder / "config.yaml")
        config: dict[str, Any] = {}
        for part in _parts(text):
            config |= _part(part)
    except (OSError, ValueError, TypeError, yaml.YAMLError):
        return {}
    return config


def _parts(text: str) -> list[str]:
    """A YAML text cut at the keys of its top, where it has a plain mapping there."""
    lines = text.splitlines(keepends=True)
    starts = [0]
    for number, line in enumerate(lines):
        if number and line[0].isalpha() and ":" in line:
            starts.append(number)
    ends = [*starts[1:], len(lines)]
    return ["".join(lines[a:b]) for a, b in zip(starts, ends, strict=True)]


@cache
def _part(text: str) -> dict[str, Any]:
    """What a part holds. Raises TypeError where that is no mapping."""
    value = read_yaml(text)
    if not isinstance(value, dict):
        raise TypeError(text)
    return value


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config by dotted keys; the name of a group's node under the group's own."""
    return {key.removesuffix(".name"): value for key, value in _leaves(config, "")}


def _leaves(node: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    for key, value in node.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def differing(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of every config, by dotted keys, the settings in which those of the same node differ.

    As "steps=500 lr=0.01"; a key is whole where its last part alone would be that of another too.
    What the folder of a run says is left out.
    """
    values: dict[tuple[str, object], set[str]] = defaultdict(set)
    flats = [{key: plain(value) for key, value in config.items()} for config in configs]
    for config in flats:
        for key, value in config.items():
            values[key, _owner(config, key)].add(value)
    apart = {at for at, found in values.items() if len(found) > 1 and at[0] not in IN_NAMES}
    keys = list(dict.fromkeys(key for key, _ in values if key in {at[0] for at in apart}))
    short = {key: key.rpartition(".")[2] for key in keys}
    names = [short[key] for key in keys]
    called = {key: short[key] if names.count(short[key]) == 1 else key for key in keys}
    return [
        " ".join(
            f"{called[key]}={config[key]}"
            for key in keys
            if key in config and (key, _owner(config, key)) in apart
        )
        for config in flats
    ]


def _owner(config: Mapping[str, str], key: str) -> object:
    """The node an option is of, by its name: options of two strategies are not compared."""
    group, dot, _ = key.partition(".")
    return config.get(group) if dot else None


def plain(value: object) -> str:
    """A value as it may be typed, without the quotes and blanks that decide nothing."""
    if isinstance(value, list):
        return f"[{','.join(map(plain, value))}]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return unquoted(str(value))


def unquoted(text: str) -> str:
    """A text without quotes and blanks."""
    return text.replace(" ", "").replace("'", "").replace('"', "")
