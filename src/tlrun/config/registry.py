"""Which names there are in each config group, and the class of each."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module, resources
from typing import Any

from tlrun.config import plugins

Config = Mapping[str, Any]


# Where the classes of a config group live: a package with one module a name, or one module with
# them all.
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
    """Every name of ours in `group`: it has a YAML of its own."""
    files = resources.files("tlrun.configs").joinpath(group).iterdir()
    return tuple(
        sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))
    )


def names(group: str) -> tuple[str, ...]:
    """Every name of `group`: ours, then those of installed plug-ins."""
    ours = shipped(group)
    return ours + tuple(name for name in plugins.announced(group) if name not in ours)


def find(group: str, name: str) -> type:
    """The class called `name` in `group`. `name` is one of `names(group)`. Raises UserError for a
    broken plug-in.
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


def equation(group: str, name: str) -> str:
    """What line 1 of a YAML says, without the command; of a plug-in, line 1 of its docstring."""
    if name not in shipped(group):
        return (find(group, name).__doc__ or name).strip().splitlines()[0]
    first = (
        resources.files("tlrun.configs")
        .joinpath(group, f"{name}.yaml")
        .read_text(encoding="utf-8")
        .splitlines()[0]
    )
    return first.removeprefix("# ").split("   ")[0]
