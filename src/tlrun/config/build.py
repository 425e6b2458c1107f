"""From config nodes to typed objects. A name finds a class of ours; nothing a config says is ever
imported or called.

A node such as `{name: feature_transfer, freeze: true}` of the group `strategy` is the class
FeatureTransfer in `tlrun.strategies.feature_transfer`; the class's dataclass fields are the node's
keys. The whole config is checked, and every error in it reported at once, before torch is imported.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from tlrun.config.registry import GROUPS, Config, find, names
from tlrun.core.errors import UserError, nearest
from tlrun.core.objective import Schedule
from tlrun.core.options import Form, OneOf, Range, coerce, expected, fields, fits
from tlrun.data.base import Dataset
from tlrun.models.backbone import Backbone
from tlrun.strategies.base import Strategy
from tlrun.training.devices import DEVICE
from tlrun.training.optimizers import Optimizer
from tlrun.training.options import TrainerOptions


@dataclass(frozen=True)
class Sweep:
    """How a sweep is run. jobs: processes at a time; none for as many as there are cores."""

    jobs: Annotated[int, Range(1, 1024)] | None = None


@dataclass(frozen=True)
class Run:
    """A whole config as typed objects. threads: of torch, on the CPU."""

    dataset: Dataset
    backbone: Backbone
    strategy: Strategy
    lam: Schedule
    optimizer: Optimizer
    trainer: TrainerOptions
    seed: Annotated[int, Range(0)]
    device: Annotated[str, DEVICE]
    threads: Annotated[int, Range(1, 1024)]
    runs_dir: Annotated[str, Form(r".*\S.*", "a folder")]
    controls: bool
    rerun: bool
    stages: bool
    reuse: Literal["same", "any"]
    sweep: Sweep


def check(config: Config) -> list[str]:
    """Every error of keys and values in a resolved config, one line each; empty for a good one."""
    lines = [_homed(line, config) for line in _check_keys("", config, fields(Run))]
    for key, hint in fields(Run).items():
        if key in GROUPS:
            lines += _check_node(key, config.get(key))
        elif dataclasses.is_dataclass(hint):
            lines += _check_options(key, config.get(key), hint)
        elif key in config:
            lines += _check_value(key, config[key], hint)
        else:
            lines.append(f"{key}: expected {expected(hint)}, found nothing")
    return lines or _check_together(config)


def build(config: Config) -> Run:
    """The typed objects of a config. Raises UserError with all that `check` finds."""
    if lines := check(config):
        raise UserError(*lines)
    return _objects(config)


def _objects(config: Config) -> Run:
    values: dict[str, Any] = {}
    for key, hint in fields(Run).items():
        if key in GROUPS:
            values[key] = _object(key, config[key])
        elif dataclasses.is_dataclass(hint):
            values[key] = Sweep(**config[key])
        else:
            values[key] = coerce(config[key], hint)
    return Run(**values)


def _object(group: str, node: Config, key: str = "") -> Any:
    """The object of a node. key: its own, where it stands within another node."""
    cls = find(group, node["name"])
    hints = fields(cls)
    options = {
        name: _typed(f"{key or group}.{name}", v, hints[name])
        for name, v in node.items()
        if name != "name"
    }
    try:
        return cls(**options)
    except UserError as error:
        raise UserError(
            *(line.replace(f"{group}.", f"{key or group}.") for line in error.lines)
        ) from None


def _typed(key: str, value: Any, hint: Any) -> Any:
    within = _node_rule(hint)
    return coerce(value, hint) if within is None else _object(within.group, value, key)


def _node_rule(hint: Any) -> OneOf | None:
    """The rule of an option that is a node itself."""
    return next(
        (rule for rule in getattr(hint, "__metadata__", ()) if isinstance(rule, OneOf)), None
    )


def _check_together(config: Config) -> list[str]:
    """What only an object itself can tell, from its options together."""
    try:
        _objects(config)
    except UserError as error:
        return list(error.lines)
    return []


def _check_node(group: str, node: object) -> list[str]:
    if not isinstance(node, Mapping):
        return [f"{group}: expected one of {', '.join(names(group))}, found {_shown(node)}"]
    name = node.get("name")
    if name not in names(group):
        return [f"{group}.name: {_shown(name)} is not known{nearest(str(name), names(group))}"]
    try:
        cls = find(group, str(name))
    except UserError as error:
        return list(error.lines)
    return _check_options(
        group, {key: value for key, value in node.items() if key != "name"}, cls, str(name)
    )


def _homed(line: str, config: Config) -> str:
    """A line about an unknown key, with the group whose option it is: `steps` is trainer.steps."""
    key = line.partition(":")[0]
    for group in GROUPS:
        if isinstance(node := config.get(group), Mapping) and key in node:
            return f"{key}: no such key; did you mean {group}.{key}?"
    return line


def _check_options(prefix: str, given: object, cls: Any, owner: str = "") -> list[str]:
    """owner: the name of a node, for lines about a key that it does not have."""
    hints = fields(cls)
    if not isinstance(given, Mapping):
        return [f"{prefix}: expected the keys {', '.join(hints)}, found {_shown(given)}"]
    return _check_keys(f"{prefix}.", given, hints, owner) + [
        line
        for key, value in given.items()
        if key in hints
        for line in _check_value(f"{prefix}.{key}", value, hints[key])
    ]


def _check_keys(
    prefix: str, given: Config, known: Mapping[str, object], owner: str = ""
) -> list[str]:
    no = f"{owner} has no such key" if owner else "no such key"
    return [
        f"{prefix}{key}: {no}{nearest(str(key), list(known))}" for key in given if key not in known
    ]


def _check_value(key: str, value: Any, hint: Any) -> list[str]:
    if not fits(value, hint):
        within = _node_rule(hint)
        found = value.get("name") if within and isinstance(value, Mapping) else value
        hint_at, _, _ = (
            nearest(str(found), within.names).partition(" (") if within else ("", "", "")
        )
        return [f"{key}: expected {expected(hint)}, found {_shown(found)}{hint_at}"]
    if rule := _node_rule(hint):
        assert isinstance(value, Mapping)
        cls = find(rule.group, value["name"])
        return _check_options(
            key, {option: v for option, v in value.items() if option != "name"}, cls, value["name"]
        )
    return []


def _shown(value: object) -> str:
    return "nothing" if value is None else repr(value) if isinstance(value, str) else str(value)
