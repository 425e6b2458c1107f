"""Hydra's composition, and what a stranger's YAML may not do in it.

A config names things and gives them values. It runs no code, reads no environment, and leaves
Hydra's own settings
alone, whoever wrote it: that is checked on the composed tree before anything in it is resolved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tlrun.config import plugins
from tlrun.config.registry import GROUPS, names, shipped
from tlrun.core.errors import UserError, nearest_tail

# Of the hydra node, what may differ from what we ship. runtime, overrides and job say how it was
# composed.
FREE = {
    "runtime",
    "overrides",
    "job.override_dirname",
    "job.num",
    "mode",
    "verbose",
    "searchpath",
    "sweeper.params",
}
UNDERSCORED = re.compile(r"_\w+_")
REFERENCE = re.compile(r"\$\{([\w.]+)\}")
LAUNCHERS = ("hydra_plugins.", "hydra._internal.core_plugins.")
# launchers of Hydra's, and the extra that brings them
EXTRAS = {"joblib": "joblib", "submitit": "slurm"}
RESOLVERS = (
    "oc.env",
    "oc.decode",
    "oc.create",
    "oc.select",
    "oc.deprecated",
    "oc.dict.keys",
    "oc.dict.values",
)


@dataclass(frozen=True)
class Composition:
    """What a choice of groups composes to. config: our keys, unresolved. axes: what a study sweeps
    by itself.
    """

    config: dict[str, Any]
    multirun: bool
    axes: Mapping[str, str]


@cache
def prepare() -> None:
    """Make our launcher known to Hydra, whose scan does not find it under `pip install -e`; close
    the resolvers.
    """
    known = Plugins.instance()  # its scan loads Hydra's own plug-ins anew, and ours build on those
    from hydra_plugins.tlrun_launcher import TlrunLauncher, TlrunSweeper

    known.register(TlrunLauncher)
    known.register(TlrunSweeper)
    for name in RESOLVERS:
        OmegaConf.clear_resolver(name)


def offer(group: str, name: str) -> None:
    """Let Hydra compose a plug-in that has no YAML of its own: a node of its name and its options'
    defaults.
    """
    if name in plugins.announced(group):
        node = {"name": name} | plugins.defaults(plugins.load(group, name))
        ConfigStore.instance().store(
            group=group, name=name, node=node, provider=plugins.origin(group, name)
        )


def composed(overrides: Sequence[str], folder: Path | None = None) -> tuple[Composition, list[str]]:
    """What `overrides` of groups and of Hydra compose to, and a line for every mistake in them.

    An unknown name costs a line and falls back to the default, so that the rest is checked too.
    Raises UserError where nothing can be composed.
    """
    prepare()
    place = str(folder.resolve()).replace("\\", "\\\\").replace("'", "\\'") if folder else ""
    search = [f"hydra.searchpath=['file://{place}']"] if folder else []
    kept, lines = _known(overrides, folder)
    while True:
        try:
            with initialize_config_module("tlrun.configs", version_base="1.3"):
                tree = compose("run", overrides=[*kept, *search], return_hydra_config=True)
            plain: Any = OmegaConf.to_container(tree, resolve=False)
            break
        except MissingConfigException as error:
            culprit = next(
                (
                    o
                    for o in kept
                    if (error.missing_cfg_file or "") == o.replace("=", "/").lstrip("+")
                ),
                None,
            )
            if culprit is None:
                raise UserError(*lines, _one_line(error)) from None
            kept.remove(culprit)
            group, _, name = culprit.lstrip("+").partition("=")
            lines.append(_unknown(group, name, error.options or ()))
        except RecursionError:
            raise UserError(
                *lines, "config: expected a tree, found nodes within nodes without an end"
            ) from None
        except Exception as error:  # noqa: BLE001  # Hydra meets a stranger's YAML with whatever it meets it with
            ours = isinstance(
                error, HydraException | OmegaConfBaseException | yaml.YAMLError
            ) and _one_line(error)
            raise UserError(
                *lines, ours or f"hydra: {type(error).__name__} when composing: {_one_line(error)}"
            ) from None
    hydra = plain.pop("hydra")
    if misshapen := _misshapen(hydra):
        raise UserError(*lines, *misshapen)
    if folder or any(override.startswith(("hydra", "experiment=")) for override in kept):
        lines += _hydra_differs(hydra)  # no other override can reach it
    if "experiment" in plain:
        del plain["experiment"]
        lines.append(
            "experiment: expected `# @package _global_` as the first line of its YAML, found another"
        )
    lines += foreign(plain)
    axes = {key: str(value) for key, value in (hydra["sweeper"]["params"] or {}).items()}
    lines += [
        f"hydra.sweeper.params.{key}: expected values, found {v}"
        for key, v in axes.items()
        if "${" in v
    ]
    return Composition(plain, "MULTIRUN" in str(hydra["mode"]), axes), lines


def _known(overrides: Sequence[str], folder: Path | None) -> tuple[list[str], list[str]]:
    """The overrides whose names exist, and a line for each of the others: sooner told than by
    composing.
    """
    kept, lines = [], []
    for override in overrides:
        group, _, name = override.partition("=")
        valid = (
            names(group) if group in GROUPS else shipped(group) if group == "experiment" else None
        )
        own = (
            sorted(path.stem for path in folder.joinpath(group).glob("*.y*ml"))
            if folder and valid is not None
            else ()
        )
        if valid is None or name in valid or name in own or (group, name) == ("experiment", "null"):
            kept.append(override)
        else:
            lines.append(_unknown(group, name, [*valid, *own]))
    return kept, lines


def foreign(config: Mapping[str, Any]) -> list[str]:
    """A line for every key that would name code, and every value that is more than a value or one
    reference.
    """
    lines = []
    leaves = dict(_leaves(config))
    for path, value in leaves.items():
        if any(UNDERSCORED.fullmatch(key) for key in path.split(".")):
            lines.append(
                f"{path}: refused; a config names things, and never code (found {_one_line(value)})"
            )
        if isinstance(value, str) and "${" in value:
            target = REFERENCE.fullmatch(value)
            if target is None:
                lines.append(
                    f"{path}: expected a value or one reference like ${{seed}}, found {_one_line(value)}"
                )
            elif target[1] not in leaves or "${" in str(leaves[target[1]]):
                lines.append(
                    f"{path}: expected a reference to a key with a value of its own, found {value}"
                )
    return list(dict.fromkeys(lines))


def resolved(config: Mapping[str, Any]) -> dict[str, Any]:
    """`config`, in which `foreign` finds nothing, with every reference replaced by what it refers
    to.
    """
    leaves = dict(_leaves(config))

    def walk(node: Any) -> Any:
        if isinstance(node, Mapping):
            return {key: walk(value) for key, value in node.items()}
        if isinstance(node, list):
            return [walk(value) for value in node]
        target = REFERENCE.fullmatch(node) if isinstance(node, str) else None
        return leaves[target[1]] if target else node

    return {key: walk(value) for key, value in config.items()}


def _misshapen(node: Any) -> list[str]:
    """A line for what Hydra itself would meet with a traceback."""
    if not isinstance(node, Mapping) or not isinstance(node.get("sweeper"), Mapping):
        return [
            "hydra: expected to be left as tl-run sets it, but for sweeper.params, mode and launcher"
        ]
    if not isinstance(node["sweeper"].get("params"), Mapping | None):
        return [
            f"hydra.sweeper.params: expected key: values, found {_one_line(node['sweeper']['params'])}"
        ]
    if not isinstance(node.get("verbose"), bool | str | list):
        return [
            f"hydra.verbose: expected true, false or names of loggers, found {_one_line(node.get('verbose'))}"
        ]
    return []


@cache
def _shipped_hydra() -> Mapping[str, Any]:
    with initialize_config_module("tlrun.configs", version_base="1.3"):
        tree = compose("run", return_hydra_config=True)
    return dict(_leaves(OmegaConf.to_container(tree.hydra, resolve=False)))


def _hydra_differs(node: Mapping[str, Any]) -> list[str]:
    """A line for every setting of Hydra's that is not ours; only the launcher may be chosen, by
    name.
    """
    ours, theirs = _shipped_hydra(), dict(_leaves(node))
    lines = []
    for key in {**ours, **theirs}:
        if any(key == free or key.startswith(f"{free}.") for free in FREE):
            continue
        if key.startswith("launcher."):
            coded = any(UNDERSCORED.fullmatch(part) for part in key.split("."))
            ours_chosen = theirs.get("launcher._target_") == ours["launcher._target_"]
            fits = not (coded or ours_chosen) or (
                key == "launcher._target_" and str(theirs.get(key)).startswith(LAUNCHERS)
            )
        else:
            fits = ours.get(key, ...) == theirs.get(key, ...)
        if not fits:
            found = _one_line(theirs[key]) if key in theirs else "nothing"
            lines.append(f"hydra.{key}: expected to be left as tl-run sets it, found {found}")
    return lines


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value with its dotted path; an empty container is a value too."""
    items = (
        node.items()
        if isinstance(node, Mapping)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, value in items:
        here = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping | list) and value:
            yield from _leaves(value, here)
        else:
            yield here, value


def _unknown(group: str, name: str, options: Sequence[str]) -> str:
    hint = "; λ itself is lam.value=…" if group == "lam" else ""
    if group == "hydra/launcher" and name.startswith(tuple(EXTRAS)):
        hint = f"; it comes with pip install 'tl-run[{EXTRAS[name.partition('_')[0]]}]'"
    return f"{group}: {name} is not known{nearest_tail(name, list(dict.fromkeys(options)))}{hint}"


def _one_line(message: object) -> str:
    return " ".join(str(message).split())[:300]
