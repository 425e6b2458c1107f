"""Which names there are in each config group, and the class behind each."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib import import_module, resources
from typing import Any

from tlrun.config import plugins
from tlrun.core.errors import UserError
from tlrun.core.options import fields, name_of_class

# Where the classes of a config group are: a package with a module for each name, or one module.
GROUPS = {
    "dataset": "tlrun.data.datasets",
    "backbone": "tlrun.models.backbones",
    "strategy": "tlrun.strategies",
    "lam": "tlrun.strategies.schedules",
    "optimizer": "tlrun.training.optimizers",
    "trainer": "tlrun.training.options",
}


@cache
def shipped(group: str) -> tuple[str, ...]:
    """Every name of ours in `group`, sorted: those that have a YAML."""
    files = resources.files("tlrun.configs").joinpath(group).iterdir()
    yamls = [file.name for file in files if file.name.endswith(".yaml")]
    return tuple(sorted(name.removesuffix(".yaml") for name in yamls))


def names(group: str) -> tuple[str, ...]:
    """Every name of `group`: ours, then those of installed plug-ins."""
    ours = shipped(group)
    return ours + tuple(name for name in plugins.announced(group) if name not in ours)


def find(group: str, name: str) -> type:
    """The class called `name` in `group`; `name` is one of `names(group)`.

    feature_transfer is FeatureTransfer, in the module that GROUPS says. Raises UserError for a
    plug-in that cannot be imported, or is no class of the group.
    """
    if name not in shipped(group):
        return plugins.load(group, name)
    module = import_module(GROUPS[group])
    if hasattr(module, "__path__"):
        module = import_module(f"{module.__name__}.{name}")
    class_name = "".join(word.capitalize() for word in name.split("_"))
    if group == "trainer":  # the options of the loop; nothing is called a trainer
        class_name += "Options"
    found: type = getattr(module, class_name)
    return found


@cache
def options() -> dict[str, dict[str, list[str]]]:
    """Every option by its name alone: in which groups it is, and of which of their names.

    `{"relation": {"strategy": ["task_relation"]}, …}`; a plug-in that cannot be imported has none.
    """
    found: dict[str, dict[str, list[str]]] = {}
    for group in GROUPS:
        for name in names(group):
            with suppress(UserError):
                for option in fields(find(group, name)):
                    found.setdefault(option, {}).setdefault(group, []).append(name)
    return found


def name_of(group: str, thing: object) -> str:
    """What an object of `group` is called in a config: the inverse of `find`."""
    cls = type(thing)
    if not cls.__module__.startswith("tlrun."):
        for name, point in plugins.announced(group).items():
            same_package = point.module.partition(".")[0] == cls.__module__.partition(".")[0]
            if same_package and point.attr == cls.__qualname__:
                return name
    return name_of_class(cls)


def equation(group: str, name: str) -> str:
    """The equation or meaning of `name`, in one line, for people.

    That is line 1 of its YAML, without the command; of a plug-in, line 1 of its docstring.
    """
    if name not in shipped(group):
        return (find(group, name).__doc__ or name).strip().splitlines()[0]
    file: Any = resources.files("tlrun.configs").joinpath(group, f"{name}.yaml")
    first: str = file.read_text(encoding="utf-8").splitlines()[0]
    return first.removeprefix("# ").split("   ")[0]
