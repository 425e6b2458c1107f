"""From config nodes to typed objects; nothing a config says is ever imported or called.

A node such as `{name: feature_transfer, train: head}` of the group `strategy` is the class
FeatureTransfer in `tlrun.strategies.feature_transfer`; the class's dataclass fields are the node's
keys. The whole config is checked, and every mistake in it reported at once, before torch is
imported.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from tlrun.config.registry import GROUPS, find, names
from tlrun.config.tuning import Tune
from tlrun.config.wording import shown_value, unknown_key, unknown_name, wrong_value
from tlrun.core.errors import Mistake, UserError
from tlrun.core.objective import Schedule
from tlrun.core.options import LARGEST, Form, OneOf, Range, coerce, expected, fields, fits
from tlrun.core.paths import own_path
from tlrun.data.base import Dataset
from tlrun.models.backbone import Backbone
from tlrun.strategies.base import Strategy
from tlrun.training.devices import DEVICE
from tlrun.training.optimizers import Optimizer
from tlrun.training.options import Checkpointing, TrainerOptions

Config = Mapping[str, Any]  # a whole config, or a node of one, as plain data


@dataclass(frozen=True)
class Sweep:
    """How a sweep is run; it decides no run, beyond rounding.

    jobs: processes at a time; none for as many as there are cores. engine: of runs that train
    linear heads on features and differ in λ, seed, learning rate, weight decay or label fraction
    alone, `auto`: as one product; `loop`: one after another, with the bits of a run by itself.
    """

    jobs: Annotated[int, Range(1, 1024)] | None = None
    engine: Literal["auto", "loop"] = "auto"


@dataclass(frozen=True)
class Verdict:
    """By what a study is judged; it decides no run.

    alpha: the error of a verdict over all arms of a study, in (0, 0.5). delta: a gain within ±delta
    is none, in the unit of the score; None for 1 point, which is 0.01, of scores in %, auc and r2,
    and for no such bound of others. Raises UserError for an alpha at an end of its interval.
    """

    alpha: Annotated[float, Range(0.0, 0.5)] = 0.05
    delta: Annotated[float, Range(1e-9, 1e9)] | None = None

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 0.5:
            between = "a number above 0 and below 0.5"
            raise UserError(Mistake("verdict.alpha", between, f"{self.alpha:g}"))


@dataclass(frozen=True)
class Run:
    """A whole config as typed objects: what it is made of, and what everything below is handed.

    configs/run.yaml says what each key means.
    """

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
    allow_inexact: bool
    checkpoint: Checkpointing
    sweep: Sweep
    verdict: Verdict
    tune: Tune

    def __post_init__(self) -> None:
        own_path(self.runs_dir, "runs_dir", "a folder")

    @property
    def runs_folder(self) -> Path:
        """`runs_dir` as a path, its ~ the user's home."""
        return Path(self.runs_dir).expanduser()


def build(config: Config) -> Run:
    """The typed objects of a whole, resolved config, as plain data.

    Raises UserError with every mistake in keys and values, or, where there is none, with what an
    object refuses about its options together.
    """
    mistakes = list(_mistakes(config))
    if mistakes:
        raise UserError(*mistakes)
    values: dict[str, Any] = {}
    for key, hint in fields(Run).items():
        if key in GROUPS:
            values[key] = _object(key, config[key])
        elif dataclasses.is_dataclass(hint):
            values[key] = _options_object(hint, config[key])
        else:
            values[key] = coerce(config[key], hint)
    return Run(**values)


def node_object(group: str, node: Any) -> Any:
    """The object of a node of `group` by itself. Raises UserError with every mistake in it."""
    mistakes = list(_in_node(group, node))
    if mistakes:
        raise UserError(*mistakes)
    return _object(group, node)


def _object(group: str, node: Config, key: str = "") -> Any:
    """The object of a checked node. key: its own, where it is a node within a node."""
    cls = find(group, node["name"])
    hints = fields(cls)
    options: dict[str, Any] = {}
    for name, value in _options(node).items():
        inner = _node_rule(hints[name])
        if inner is None:
            options[name] = coerce(value, hints[name])
        else:
            options[name] = _object(inner.group, value, f"{key or group}.{name}")
    try:
        return cls(**options)
    except UserError as error:  # what only the object can tell, from its options together
        raise error.moved(group, key or group) from None


def _options_object(cls: Any, node: Config) -> Any:
    """The object of a checked node that has one class alone, and no name."""
    hints = fields(cls)
    return cls(**{key: coerce(value, hints[key]) for key, value in node.items()})


def _node_rule(hint: Any) -> OneOf | None:
    """The rule of an option that is a node itself."""
    for rule in getattr(hint, "__metadata__", ()):
        if isinstance(rule, OneOf):
            return rule
    return None


def _mistakes(config: Config) -> Iterator[Mistake]:
    """Every mistake of keys and values, one by one."""
    hints = fields(Run)
    for key in config:
        if key not in hints:
            yield _unknown_at_top(str(key), config)
    for key, hint in hints.items():
        if key in GROUPS:
            yield from _in_node(key, config.get(key))
        elif dataclasses.is_dataclass(hint):
            yield from _in_options(key, config.get(key), hint)
        elif key in config:
            yield from _in_value(key, config[key], hint)
        else:
            yield Mistake(key, expected(hint), "nothing")


def _unknown_at_top(key: str, config: Config) -> Mistake:
    """About a key that is no key of a config; it may be an option of a group's."""
    if key == "seeds":  # a word of the command line alone
        where = "-m seeds=10 on the command line, or seed: range(10) in a YAML"
        return Mistake(key, found="no key of a config", hint=where)
    known = [*fields(Run), "seeds"]
    return Mistake(key, found="no such key", hint=unknown_key(key, known, _top(), config))


def _top() -> list[str]:
    """The keys of a config that are no group's, those of its nodes dotted: seed, verdict.alpha."""
    keys: list[str] = []
    for key, hint in fields(Run).items():
        node = dataclasses.is_dataclass(hint) and key not in GROUPS
        keys += [f"{key}.{name}" for name in fields(hint)] if node else [key]
    return keys


def _in_node(group: str, node: object) -> Iterator[Mistake]:
    if not isinstance(node, Mapping):
        yield Mistake(group, f"one of {', '.join(names(group))}", shown_value(node))
        return
    name = node.get("name")
    if name not in names(group):
        near = unknown_name(group, str(name), names(group))
        yield Mistake(f"{group}.name", found=f"{shown_value(name)} is not known", hint=near)
        return
    try:
        cls = find(group, str(name))
    except UserError as error:  # a plug-in that cannot be loaded
        yield from error.mistakes
        return
    yield from _in_options(group, _options(node), cls, str(name))


def _in_options(prefix: str, given: object, cls: Any, owner: str = "") -> Iterator[Mistake]:
    """owner: the name of a node, for what is said about a key that it does not have."""
    hints = fields(cls)
    if not isinstance(given, Mapping):
        yield Mistake(prefix, f"the keys {', '.join(hints)}", shown_value(given))
        return
    for key in given:
        if key not in hints:
            renamed: Mapping[str, str] = getattr(cls, "renamed", {})
            if key in renamed:
                yield Mistake(f"{prefix}.{key}", found="no such key any more", hint=renamed[key])
                continue
            found = f"{owner} has no such key" if owner else "no such key"
            hint = unknown_key(f"{prefix}.{key}", list(hints), _top())
            yield Mistake(f"{prefix}.{key}", found=found, hint=hint)
    for key, value in given.items():
        if key in hints:
            yield from _in_value(f"{prefix}.{key}", value, hints[key])


def _in_value(key: str, value: Any, hint: Any) -> Iterator[Mistake]:
    rule = _node_rule(hint)
    if fits(value, hint):
        if rule is not None:
            name = value["name"]
            yield from _in_options(key, _options(value), find(rule.group, name), name)
    elif isinstance(value, int) and abs(value) > LARGEST:
        yield Mistake(key, f"a number of at most {LARGEST}", shown_value(value))
    else:
        shown = value.get("name") if rule and isinstance(value, Mapping) else value
        yield Mistake(key, expected(hint), shown_value(shown), wrong_value(key, value, hint))


def _options(node: Config) -> Config:
    """What a node holds beside its name."""
    return {key: value for key, value in node.items() if key != "name"}
