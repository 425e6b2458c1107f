"""What of a launcher of Hydra's a YAML may set: its numbers, and no text.

A launcher's texts become commands and files: submitit writes `setup` into a shell script, and every
other text into a line of it. They are for the command line of the user alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import OmegaConf

from tlrun.config.overrides import value_of
from tlrun.config.refusals import leaves, one_line
from tlrun.core.errors import Mistake

NODE = "hydra.launcher."
NUMBERS = "a number in a YAML, or to be set on the command line"


def launcher_mistakes(node: Mapping[str, Any], overrides: Sequence[str]) -> Iterator[Mistake]:
    """A mistake for every field of a launcher that a YAML sets, and is more than a number.

    node: the composed hydra.launcher, whose _target_ is one that is installed. overrides: those of
    the command line.
    """
    target = node["_target_"]
    usual, typed = dict(leaves(_registered(target))), dict(leaves(_typed(overrides)))
    for key, value in leaves(node):
        if key == "_target_":
            continue
        if key in typed and typed[key] == value:
            continue
        fits = key in usual and (usual[key] == value or isinstance(value, int | float | None))
        if not fits:
            yield Mistake(f"{NODE}{key}", NUMBERS, one_line(value))


def _typed(overrides: Sequence[str]) -> dict[str, Any]:
    """What the command line sets below hydra.launcher, as a tree of one level or more."""
    found: dict[str, Any] = {}
    for override in overrides:
        key, _, text = override.partition("=")
        if key.startswith(NODE):
            found[key.removeprefix(NODE)] = value_of(key, text)
    return found


def _registered(target: str) -> Mapping[str, Any]:
    """The launcher as its package offers it; nothing where it offers none of that target."""
    store = ConfigStore.instance()
    for name in store.list("hydra/launcher"):
        node: Any = OmegaConf.to_container(store.load(f"hydra/launcher/{name}").node)
        if node.get("_target_") == target:
            return node  # type: ignore[no-any-return]  # a node of a launcher is a mapping
    return {}
