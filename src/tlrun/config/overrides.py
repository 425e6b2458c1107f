"""Everything about a command line that can be told before anything starts: all mistakes at once,
one line each.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, OverrideType, RangeSweep
from hydra.errors import HydraException

from tlrun.config.build import check
from tlrun.config.compose import Composition, composed, foreign, offer, resolved
from tlrun.config.registry import GROUPS, names
from tlrun.core.errors import UserError

LAMBDA = re.compile(r"^(\+{0,2}|~)(?:λ|lambda|lam\.value)(?==|$)")
# a node within a node, chosen by its name
NODE = re.compile(r"^(\+{0,2}strategy\.(?:first|then))(?==[a-z])")
INFINITY = re.compile(r"∞|(?<![\w.])(?:\.inf|[Ii]nfinity)\b")
NO_AXES = {
    "runs_dir",
    "threads",
    "device",
    "controls",
    "rerun",
    "stages",
    "reuse",
    "sweep.jobs",
}  # one for a whole sweep
KEY_VALUE = 'expected key=value; a value with special characters goes in quotes, as in \'runs_dir="a [b]"\' or ["größe"]'
# of one axis, of a sweep: beyond them, checking alone would take minutes
MOST_VALUES, MOST_JOBS = 1000, 10_000


@dataclass(frozen=True)
class Job:
    """One job of a command: what it sets, as key=value, and the whole config that comes to,
    checked.
    """

    overrides: tuple[str, ...]
    config: dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A checked command line. overrides: as Hydra shall see them. jobs: one, or all of a sweep, in
    Hydra's order.
    """

    overrides: list[str]
    multirun: bool
    jobs: list[Job]


@dataclass(frozen=True)
class Axis:
    """A key and the values it takes, as they are written. A choice picks a YAML; the others set a
    value.
    """

    key: str
    values: list[str]
    sweeps: bool

    @property
    def choice(self) -> bool:
        return is_choice(self.key)


def is_choice(key: str) -> bool:
    """Whether Hydra must compose anew for it."""
    return key in GROUPS or key == "experiment" or "/" in key or key.startswith("hydra.")


def forced(override: str) -> str:
    """A checked override as Hydra takes it without a complaint of its own: a plug-in's options are
    in no YAML.
    """
    return override if is_choice(override.partition("=")[0]) else f"++{override}"


def rewrite(argument: str) -> str:
    """λ=… and lambda=… as lam.value=…, which Hydra's grammar can read; ∞ as inf. strategy.first=…
    as its name.
    """
    argument = NODE.sub(r"\1.name", argument)
    if not LAMBDA.match(argument):
        return argument
    return INFINITY.sub("inf", LAMBDA.sub(r"\1lam.value", argument))


def preflight(overrides: Sequence[str], multirun: bool, folder: Path | None = None) -> Asked:
    """Check a command line, every job of its sweep included. folder: YAMLs of the user's own.

    Raises UserError with every mistake.
    """
    lines: list[str] = []
    axes: dict[str, Axis] = {}
    for text in overrides:
        try:
            axis = _axis(_parsed(text))
        except UserError as error:
            lines += error.lines
            continue
        if axis.key in axes:
            lines.append(f"{axis.key}: expected once, found twice")
        axes[axis.key] = axis
    compositions = _Compositions(folder)
    first = compositions.of(
        [f"{axis.key}={axis.values[0]}" for axis in axes.values() if axis.choice]
    )
    multirun = multirun or first.multirun
    lines += [
        f"{axis.key}: expected one value, found {','.join(axis.values)}"
        + ("" if axis.key == "experiment" else "; add -m to sweep over them")
        for axis in axes.values()
        if axis.sweeps
        and (not multirun or axis.key == "experiment" or axis.key.startswith("hydra"))
    ]
    lines += [
        f"{axis.key}: expected one value for a whole sweep, found {','.join(axis.values)}"
        for axis in axes.values()
        if multirun and axis.sweeps and axis.key in NO_AXES
    ]
    if first.axes and not multirun:
        lines.append(
            "experiment: expected `mode: MULTIRUN` beside `sweeper` in its hydra node, or -m: it sets axes"
        )
    if multirun and "hydra.mode" in axes and axes["hydra.mode"].values == ["RUN"]:
        lines.append("hydra.mode: expected MULTIRUN with -m, found RUN")
    if multirun:
        axes = {
            key: axes.get(key) or _axis(_parsed(f"{key}={value}"))
            for key, value in first.axes.items()
        } | axes
    jobs, found = _jobs(list(axes.values()), compositions)
    if lines := list(dict.fromkeys([*lines, *compositions.lines, *found])):
        raise UserError(*lines)
    handed = [forced(f"{axis.key}={','.join(axis.values)}") for axis in axes.values()]
    return Asked(handed, multirun, jobs)


def _parsed(text: str) -> Override:
    """One override, of a form that tl-run uses. Raises UserError."""
    try:
        override = OverridesParser.create().parse_override(text)
    except HydraException:
        raise UserError(f"{' '.join(text.split())}: {KEY_VALUE}") from None
    key = override.key_or_group
    if override.type == OverrideType.DEL or override.package is not None:
        raise UserError(f"{text}: {KEY_VALUE}")
    if key == "hydra.searchpath":
        raise UserError(
            f"{key}: expected to be left alone; a folder of YAMLs of your own is --config-dir FOLDER"
        )
    if key.startswith(("hydra.runtime", "hydra.overrides", "hydra.job")):
        raise UserError(f"{key}: expected to be left as tl-run sets it")
    if key.endswith(".name") and key.removesuffix(".name") in GROUPS:
        raise UserError(
            f"{key}: expected to be left alone; choose with {key.removesuffix('.name')}=…"
        )
    return override


def _axis(override: Override) -> Axis:
    """The values of one override. Raises UserError where a sweep is no list, has no value, or too
    many.
    """
    key = override.key_or_group
    if not override.is_sweep_override():
        return Axis(key, [override.get_value_element_as_str()], sweeps=False)
    axis = override.value()
    if isinstance(axis, RangeSweep) and axis.step:
        span = axis.stop - axis.start  # type: ignore[operator]  # a range has both ends
        if span / axis.step > MOST_VALUES:  # before they are shuffled
            raise UserError(f"{key}: expected at most {MOST_VALUES} values, found more")
    try:
        if isinstance(axis, Glob) and key in GROUPS:
            values = [str(name) for name in axis.filter(list(names(key)))]
        else:
            values = [
                str(value) for value in islice(override.sweep_string_iterator(), MOST_VALUES + 1)
            ]
    except (HydraException, TypeError, ValueError):
        values = []
    if not values:
        raise UserError(
            f"{key}: expected a list of values like 1,2,3, found {override.get_value_string()}"
        ) from None
    if len(values) > MOST_VALUES:
        raise UserError(f"{key}: expected at most {MOST_VALUES} values, found more")
    return Axis(key, values, sweeps=True)


class _Compositions:
    """What each choice of groups composes to, once. Composing is what costs: tens of
    milliseconds.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._known: dict[tuple[str, ...], Composition] = {}
        self.lines: list[str] = []

    def of(self, choices: Sequence[str]) -> Composition:
        key = tuple(choices)
        if key not in self._known:
            for choice in choices:
                group, _, name = choice.partition("=")
                try:
                    offer(group, name)
                except UserError as error:
                    raise UserError(*self.lines, *error.lines) from None
            self._known[key], lines = composed(choices, self._folder)
            self.lines += lines
        return self._known[key]


def _jobs(axes: Sequence[Axis], compositions: _Compositions) -> tuple[list[Job], list[str]]:
    """Every job of the axes' product, and a line for every mistake in any."""
    count = math.prod(len(axis.values) for axis in axes)
    if count > MOST_JOBS:
        return [], [f"sweep: expected at most {MOST_JOBS} jobs, found {count}"]
    meant = {(a.key, v): _value(a.key, v) for a in axes if not a.choice for v in a.values}
    jobs: list[Job] = []
    lines: dict[str, None] = {}
    for values in product(*(axis.values for axis in axes)):
        pairs = list(zip(axes, values, strict=True))
        base = compositions.of([f"{axis.key}={value}" for axis, value in pairs if axis.choice])
        config = copy.deepcopy(base.config)
        for axis, value in pairs:
            if not axis.choice:
                _put(config, axis.key, meant[axis.key, value])
        found = foreign(config)
        config = config if found else resolved(config)
        lines |= dict.fromkeys(found or check(config))
        jobs.append(Job(tuple(f"{axis.key}={value}" for axis, value in pairs), config))
    return jobs, list(lines)


def _value(key: str, text: str) -> Any:
    """What a written value means. Text that only stands in quotes for the shell's sake is plain
    text.
    """
    return OverridesParser.create().parse_override(f"{key}={text}").value()


def _put(config: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key, whether it exists or not: it is `check` that knows the keys."""
    *parents, last = key.split(".")
    node = config
    for parent in parents:
        if not isinstance(node.get(parent), Mapping):
            node[parent] = {}
        node = node[parent]
    node[last] = copy.deepcopy(value)
