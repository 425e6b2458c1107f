"""Everything about a command line that can be told before anything starts: all mistakes at once, one line each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

from hydra import compose, initialize_config_module
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, OverrideType
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tlrun.build import GROUPS, check, names
from tlrun.errors import UserError, nearest

LAMBDA = re.compile(r"^(\+{0,2})(?:λ|lambda|lam\.value)=")
INFINITY = re.compile(r"∞|(?<![\w.])(?:\.inf|[Ii]nfinity)\b")
KEY_VALUE = "expected key=value; a value with special characters goes in quotes, as in 'runs_dir=\"a [b]\"'"
MOST_VALUES = 1000  # of one axis: beyond it, checking alone would take minutes


def rewrite(argument: str) -> str:
    """λ=… and lambda=… as lam.value=…, which Hydra's grammar can read; ∞ as inf."""
    if not LAMBDA.match(argument):
        return argument
    return INFINITY.sub("inf", LAMBDA.sub(r"\1lam.value=", argument))


def preflight(overrides: Sequence[str], multirun: bool) -> tuple[list[str], dict[str, Any]]:
    """The overrides as Hydra shall see them, and the first config they compose to. Raises UserError with every mistake.

    Of a sweep every value of every axis is checked, the other axes standing at their first.
    """
    lines: list[str] = []
    axes: list[list[str]] = []  # one entry an override: its values, as key=value
    clean: list[str] = []
    seen: set[str] = set()
    for text in overrides:
        try:
            override = _parsed(text)
            axes.append(_values(override, multirun))
            clean.append(text.lstrip("+"))
        except UserError as error:
            lines += error.lines
            continue
        if override.key_or_group in seen:
            lines.append(f"{override.key_or_group}: expected once, found twice")
        seen.add(override.key_or_group)
    settings = [[axis[0] for axis in axes]]
    for k, axis in enumerate(axes):
        settings += [[*settings[0][:k], value, *settings[0][k + 1 :]] for value in axis[1:]]
    first: dict[str, Any] = {}
    for setting in settings:
        try:
            config = composed(setting)
            first = first or config
        except UserError as error:
            lines += error.lines
    if lines:
        raise UserError(*dict.fromkeys(lines))
    return clean, first


def _parsed(text: str) -> Override:
    """One override, of a form that tl-run uses. Raises UserError."""
    try:
        override = OverridesParser.create().parse_override(text)
    except HydraException:
        raise UserError(f"{_one_line(text)}: {KEY_VALUE}") from None
    key = override.key_or_group
    if override.type == OverrideType.DEL or override.package is not None:
        raise UserError(f"{text}: {KEY_VALUE}")
    if key.split(".")[0].split("/")[0] == "hydra":
        raise UserError(f"{key}: setting Hydra's own keys is not supported; set tl-run's (see tl-run --cfg job)")
    if key.endswith(".name") and key.removesuffix(".name") in GROUPS:
        raise UserError(f"{key}: expected to be left alone; choose with {key.removesuffix('.name')}=…")
    return override


def _values(override: Override, multirun: bool) -> list[str]:
    """The values of one override, each as an override that Hydra composes without a complaint of its own.

    Raises UserError for values that are no list, and for unknown names.
    """
    key, values = override.key_or_group, [override.get_value_string()]
    if override.is_sweep_override():
        if not multirun:
            raise UserError(f"{key}: expected one value, found {values[0]}; add -m to sweep over them")
        values = _axis(override)
    if key not in GROUPS:
        return [f"++{key}={value}" for value in values]  # ++: our own check reports unknown keys, and all of them
    hint = "; λ itself is lam.value=…" if key == "lam" else ""
    if wrong := [value for value in values if value not in names(key)]:
        raise UserError(*[f"{key}: {value} is not known{nearest(value, names(key))}{hint}" for value in wrong])
    return [f"{key}={value}" for value in values]


def _axis(override: Override) -> list[str]:
    """Every value of a sweep's axis. Raises UserError where it has none, or too many."""
    key, axis = override.key_or_group, override.value()
    try:
        if isinstance(axis, Glob) and key in GROUPS:
            return list(axis.filter(list(names(key))))
        values = [str(value) for value in islice(override.sweep_string_iterator(), MOST_VALUES + 1)]
    except (HydraException, TypeError, ValueError):
        raise UserError(f"{key}: expected a list of values like 1,2,3, found {override.get_value_string()}") from None
    if len(values) > MOST_VALUES:
        raise UserError(f"{key}: expected at most {MOST_VALUES} values, found more")
    return values


def composed(overrides: Sequence[str]) -> dict[str, Any]:
    """The config that overrides compose to, checked. Raises UserError with every mistake in it."""
    try:
        with initialize_config_module("tlrun.configs", version_base="1.3"):
            config: Any = OmegaConf.to_container(compose("run", overrides=list(overrides)), resolve=True)
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(_one_line(error)) from None
    if lines := check(config):
        raise UserError(*lines)
    return config  # type: ignore[no-any-return]


def _one_line(message: object) -> str:
    return " ".join(str(message).split())
