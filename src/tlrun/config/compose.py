"""Hydra's composition of a choice of groups, checked before anything in it is resolved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.errors import HydraException, MissingConfigException
from hydra.plugins.launcher import Launcher
from omegaconf import OmegaConf
from omegaconf.basecontainer import BaseContainer
from omegaconf.errors import OmegaConfBaseException

from tlrun.config import plugins
from tlrun.config.launchers import launcher_mistakes
from tlrun.config.overrides import is_choice, value_of
from tlrun.config.refusals import hydra_differs, leaves, misshapen, one_line, refused
from tlrun.config.registry import GROUPS, names, shipped
from tlrun.config.user_folder import unread
from tlrun.config.wording import unknown_name
from tlrun.core.errors import Mistake, UserError

RUNS = "runs"  # the folder of runs, unless the command line names another
OURS = "tlrun"  # what stands for our own launcher, which Hydra never makes
EXTRAS = {"joblib": "joblib", "submitit": "slurm"}  # launchers, and the extra that brings them
# An experiment is not below a key of its own.
NOT_GLOBAL = Mistake("experiment", "`# @package _global_` as the first line of its YAML", "another")
RESOLVERS = (
    "oc.env", "oc.decode", "oc.create", "oc.select", "oc.deprecated", "oc.dict.keys",
    "oc.dict.values",
)  # fmt: skip


@dataclass(frozen=True)
class Composition:
    """What a choice of groups composes to.

    config: our keys, unresolved. multirun: whether its hydra node asks for a sweep. axes: what a
    study sweeps by itself. foreign_launcher: whether another launcher than ours is chosen.
    mistakes: in the choice, or in the YAMLs it names; an unknown name is left out, so that the rest
    is composed and checked all the same.
    """

    config: dict[str, Any]
    multirun: bool
    axes: Mapping[str, str]
    foreign_launcher: bool
    mistakes: tuple[Mistake, ...]


def prepare() -> None:
    """Give our launcher a name in Hydra's groups, and close the resolvers."""
    ConfigStore.instance().store("tlrun", {"_target_": OURS}, group="hydra/launcher")
    for name in RESOLVERS:
        OmegaConf.clear_resolver(name)


@contextmanager
def as_before() -> Iterator[None]:
    """Within it configs may be composed in a process that is not ours alone.

    At the end the resolvers of OmegaConf are as they were, and so is the Hydra that is initialized;
    the names that we and plug-ins have in Hydra's store remain.
    """
    theirs = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    resolvers = BaseContainer._resolvers  # noqa: SLF001  # they can be listed in no other way
    before = dict(resolvers)
    try:
        yield
    finally:
        GlobalHydra.instance().hydra = theirs
        resolvers.clear()
        resolvers.update(before)


def offer(group: str, name: str) -> None:
    """Let Hydra compose a plug-in that has no YAML of its own: a node of its options' defaults.

    Raises UserError for a plug-in that cannot be loaded.
    """
    if name in plugins.announced(group):
        node = {"name": name} | plugins.defaults(plugins.load(group, name))
        origin = plugins.origin(group, name)
        ConfigStore.instance().store(group=group, name=name, node=node, provider=origin)


def composed(overrides: Sequence[str], folder: Path | None = None) -> Composition:
    """What `overrides` of groups and of Hydra compose to. folder: YAMLs of the user's own.

    The mistakes in what is composed are part of it; raises UserError, with those found so far,
    where nothing can be composed.
    """
    prepare()
    kept, mistakes = _known(overrides, folder)
    plain = _composed(kept, mistakes, folder)
    hydra = plain.pop("hydra")
    wrong = misshapen(hydra)
    if wrong:
        raise UserError(*mistakes, *wrong)
    if folder or any(override.startswith(("hydra", "experiment=")) for override in kept):
        mistakes += hydra_differs(_shipped_hydra(), dict(leaves(hydra)), _launchers())
        if hydra["launcher"]["_target_"] in _launchers():
            mistakes += launcher_mistakes(hydra["launcher"], kept)
    if "experiment" in plain:
        del plain["experiment"]
        mistakes.append(NOT_GLOBAL)
    mistakes += refused(plain) or _elsewhere(plain.get("runs_dir"))
    axes = {key: str(value) for key, value in (hydra["sweeper"].get("params") or {}).items()}
    for key, value in axes.items():
        if "${" in value:
            mistakes.append(Mistake(f"hydra.sweeper.params.{key}", "values", value))
    multirun = "MULTIRUN" in str(hydra["mode"])
    foreign_launcher = hydra["launcher"]["_target_"] != OURS
    return Composition(plain, multirun, axes, foreign_launcher, tuple(mistakes))


def _elsewhere(runs_dir: object) -> list[Mistake]:
    """A mistake where a YAML says where runs are kept: whoever wrote it would choose the place."""
    if runs_dir == RUNS:
        return []
    return [Mistake("runs_dir", "to be set on the command line alone", one_line(runs_dir))]


def _composed(kept: list[str], mistakes: list[Mistake], folder: Path | None) -> dict[str, Any]:
    """The tree of `kept`; a name that Hydra does not find moves from `kept` to `mistakes`."""
    search = []
    if folder is not None:
        quoted = str(folder.resolve()).replace("\\", "\\\\").replace("'", "\\'")
        search = [f"hydra.searchpath=['file://{quoted}']"]
    while True:
        try:
            with initialize_config_module("tlrun.configs", version_base="1.3"):
                tree = compose("run", overrides=[*kept, *search], return_hydra_config=True)
            plain: Any = OmegaConf.to_container(tree, resolve=False)
        except MissingConfigException as error:
            unknown = [o for o in kept if error.missing_cfg_file == o.replace("=", "/").lstrip("+")]
            if not unknown:
                raise UserError(*mistakes, Mistake("config", found=one_line(error))) from None
            kept.remove(unknown[0])
            group, _, name = unknown[0].lstrip("+").partition("=")
            mistakes.append(_unknown(group, name, error.options or ()))
        except RecursionError:
            endless = Mistake("config", "a tree", "nodes within nodes without an end")
            raise UserError(*mistakes, endless) from None
        except Exception as error:  # noqa: BLE001  # Hydra meets a stranger's YAML with whatever
            raise UserError(*mistakes, *_uncomposed(error, folder)) from None
        else:
            return plain  # type: ignore[no-any-return]  # a config is a mapping


def _uncomposed(error: Exception, folder: Path | None) -> list[Mistake]:
    """Why nothing was composed; where Hydra does not say of what file, those that may be it."""
    if "@experiment." in str(error):  # its overrides are looked for below it
        return [NOT_GLOBAL]
    theirs = isinstance(error, HydraException | OmegaConfBaseException | yaml.YAMLError)
    if theirs and str(error):
        return [Mistake("config", found=one_line(error))]
    why = f"{type(error).__name__} when composing: {one_line(error)}"
    return [*(unread(folder) if folder else []), Mistake("hydra", found=why)]


def _known(overrides: Sequence[str], folder: Path | None) -> tuple[list[str], list[Mistake]]:
    """The overrides whose names exist, and a mistake for each other: sooner than by composing."""
    kept: list[str] = []
    mistakes: list[Mistake] = []
    for override in overrides:
        group, _, name = override.partition("=")
        valid = _names_of(group, folder)
        if override == "experiment=null" and name not in valid:  # none, as by default
            continue
        if valid and name not in valid:
            mistakes.append(_unknown(group, name, valid))
        elif _is_name(group, name):
            kept.append(override)
        else:
            hint = "rename its YAML" if valid else ""
            mistakes.append(Mistake(group, "a name that is text", name, hint))
    return kept, mistakes


def _is_name(group: str, name: str) -> bool:
    """Whether Hydra takes what a group is set to as a name, and not as a number or null."""
    if not is_choice(group) or group.startswith("hydra."):
        return True
    return isinstance(value_of(group, name), str | list)


def _names_of(group: str, folder: Path | None) -> list[str]:
    """Every name of a group of ours, then those in the user's `folder`; none of another group."""
    if group in GROUPS:
        valid = list(names(group))
    elif group == "experiment":
        valid = list(shipped(group))
    else:
        return []
    if folder is not None:
        valid += sorted(path.stem for path in folder.joinpath(group).glob("*.y*ml"))
    return valid


@cache
def _shipped_hydra() -> Mapping[str, Any]:
    """The leaves of the hydra node as we ship it."""
    with initialize_config_module("tlrun.configs", version_base="1.3"):
        tree = compose("run", return_hydra_config=True)
    return dict(leaves(OmegaConf.to_container(tree.hydra, resolve=False)))


def _launchers() -> set[str]:
    """The targets of the launchers that Hydra and installed packages bring."""
    classes = Plugins.instance().discover(Launcher)
    return {f"{cls.__module__}.{cls.__qualname__}" for cls in classes}


def _unknown(group: str, name: str, options: Sequence[str]) -> Mistake:
    hint = unknown_name(group, name, list(dict.fromkeys(options)))
    if group == "hydra/launcher":
        for launcher, extra in EXTRAS.items():
            if name.startswith(launcher):
                hint = f"{hint}; it comes with pip install 'tl-run[{extra}]'"
    return Mistake(group, found=f"{name} is not known", hint=hint)
