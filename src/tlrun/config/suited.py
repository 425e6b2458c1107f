"""What suits a data set, or the backbone it is read for, where the user has chosen none."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from tlrun.config.build import node_object
from tlrun.config.refusals import refused, resolved
from tlrun.config.registry import find, names
from tlrun.core.errors import UserError
from tlrun.models.backbone import weights_file_of

GROUPS = ("strategy", "backbone")


def suited(
    config: Mapping[str, Any], shipped: Callable[[], Mapping[str, Any]], asked: Collection[str]
) -> tuple[str, ...]:
    """The choices of groups, as strategy=single_task, that suit the data set better than ours.

    config: as composed, with its values. shipped: gives what is composed of no choice at all.
    asked: the keys that the command line sets. Who sets a group, or an option of it, there or in a
    YAML, has chosen; a YAML that chooses what we ship anyway cannot be told from none.
    """
    if refused(config):
        return ()
    try:
        dataset = node_object("dataset", resolved(config).get("dataset"))
    except UserError:  # to be told with all other mistakes
        return ()
    suits: Mapping[str, str] = getattr(dataset, "suits", dict)()
    choices = []
    for group in GROUPS:
        chosen = any(key == group or key.startswith(f"{group}.") for key in asked)
        if chosen or group not in suits or group in _ignored(config):
            continue
        if suits[group] == "scratch" and _has_weights(config):
            continue  # there is something to transfer
        ours = shipped()[group]
        if config.get(group) == ours and suits[group] != ours["name"]:
            choices.append(f"{group}={suits[group]}")
    return tuple(choices)


def tokenizer(config: Mapping[str, Any], asked: Collection[str]) -> dict[str, str]:
    """The tokenizer that the backbone needs, as the value of its key, where the user names none.

    config, asked: as of `suited`. Empty where the backbone reads whatever tokens there are.
    """
    dataset = config.get("dataset")
    named = "dataset.tokenizer" in asked or "backbone" in _ignored(config)
    if refused(config) or named or not isinstance(dataset, Mapping):
        return {}
    if dataset.get("tokenizer", "") is not None:  # there is no such option, or a YAML sets it
        return {}
    try:
        backbone = node_object("backbone", resolved(config)["backbone"])
        needed: str | None = getattr(backbone, "tokenizer", None)
    except UserError:  # to be told with all other mistakes
        return {}
    return {} if needed is None else {"dataset.tokenizer": needed}


def _has_weights(config: Mapping[str, Any]) -> bool:
    """Whether the backbone of a config starts from pretrained weights, or is to."""
    try:
        return weights_file_of(node_object("backbone", resolved(config)["backbone"])) is not None
    except UserError:  # to be told with all other mistakes
        return True


def _ignored(config: Mapping[str, Any]) -> frozenset[str]:
    """The groups that the strategy of a config has no use for; none where it is not known."""
    name = config["strategy"].get("name") if isinstance(config.get("strategy"), Mapping) else None
    if name not in names("strategy"):
        return frozenset()
    ignores: frozenset[str] = getattr(find("strategy", name), "ignores", frozenset())
    return ignores
