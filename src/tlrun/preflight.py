"""Everything about a command line that can be told before anything starts: all mistakes at once, one line each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hydra import compose, initialize_config_module
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override, OverrideType
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tlrun.build import GROUPS, check, names
from tlrun.errors import UserError, nearest

LAMBDA = re.compile(r"^(\+{0,2})(?:λ|lambda)=")


def rewrite(argument: str) -> str:
    """λ=… and lambda=… as lam.value=…, which Hydra's grammar can read; ∞ as inf."""
    if not LAMBDA.match(argument) and not argument.startswith("lam.value="):
        return argument
    return LAMBDA.sub(r"\1lam.value=", argument).replace("∞", "inf")


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
            override = OverridesParser.create().parse_override(text)
        except HydraException as error:
            lines.append(f"{_one_line(text)}: expected key=value, found something else ({_one_line(error)})")
            continue
        found, values = _values(override, multirun)
        if override.key_or_group in seen:
            found.append(f"{override.key_or_group}: expected once, found twice")
        seen.add(override.key_or_group)
        lines += found
        if not found:
            clean.append(text.lstrip("+"))
            axes.append(values)
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


def _values(override: Override, multirun: bool) -> tuple[list[str], list[str]]:
    """Mistakes in one override, and its values as overrides that Hydra composes without a complaint of its own."""
    key = override.key_or_group
    if override.type == OverrideType.DEL or override.package is not None:
        return [f"{override.input_line}: expected key=value, found a form that tl-run does not use"], []
    if key.split(".")[0].split("/")[0] == "hydra":
        return [f"{key}: setting Hydra's own keys is not supported; set tl-run's (see tl-run --cfg job)"], []
    if override.is_sweep_override():
        if not multirun:
            return [f"{key}: expected one value, found {override.get_value_string()}; add -m to sweep over them"], []
        try:
            axis = override.value()
            if isinstance(axis, Glob) and key in GROUPS:
                values = axis.filter(list(names(key)))
            else:
                values = [str(value) for value in override.sweep_string_iterator()]
        except (HydraException, TypeError, ValueError) as error:
            return [f"{key}: expected a list of values, found {override.get_value_string()} ({_one_line(error)})"], []
    else:
        values = [override.get_value_string()]
    if key in GROUPS:
        wrong = [value for value in values if value not in names(key)]
        return [f"{key}: {value} is not known; {nearest(value, names(key))}" for value in wrong], [
            f"{key}={value}" for value in values
        ]
    return [], [f"++{key}={value}" for value in values]  # ++: our own check reports unknown keys, and all of them


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
