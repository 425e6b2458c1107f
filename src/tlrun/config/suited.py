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


class Suits:
    """What suits the data sets of one command, each asked once: it may look at many files."""

    def __init__(self) -> None:
        self._known: dict[str, Mapping[str, str]] = {}

    def of(self, node: Any) -> Mapping[str, str]:
        """What suits the data set of a resolved node, by group. Raises UserError as it does."""
        key = repr(node)
        if key not in self._known:
            dataset = node_object("dataset", node)
            self._known[key] = getattr(dataset, "suits", dict)()
        return self._known[key]


def suited(
    config: Mapping[str, Any],
    shipped: Callable[[], Mapping[str, Any]],
    asked: Collection[str],
    known: Suits,
) -> tuple[str, ...]:
    """The choices of groups, as strategy=single_task, that suit the data set better than ours.

    config: as composed, with its values. shipped: gives what is composed of no choice at all.
    asked: the keys that the command line sets. Who sets a group there or in a YAML, or an option of
    ours, has chosen; a YAML that chooses what we ship anyway cannot be told from none.
    """
    if refused(config):
        return ()
    try:
        suits = known.of(resolved(config).get("dataset"))
    except UserError:  # to be told with all other mistakes
        return ()
    choices = []
    for group in GROUPS:
        if group in asked or group not in suits or group in _ignored(config):
            continue
        ours = shipped()[group]
        if any(key.startswith(f"{group}.") and key.split(".")[1] in ours for key in asked):
            continue  # an option that ours has not is no choice of ours
        if suits[group] == "scratch" and _has_weights(config):
            continue  # there is something to transfer
        node = config.get(group) or {}
        if {key: node.get(key) for key in ours} == ours and suits[group] != ours["name"]:
            choices.append(f"{group}={suits[group]}")
    return tuple(choices)


def needed(config: Mapping[str, Any], asked: Collection[str]) -> dict[str, str]:
    """The values that the backbone needs, by their keys, where the user names none.

    They are the tokenizer of a backbone that reads one vocabulary, and, of one that is slow, that
    several tasks learn heads alone: who wants it fine-tuned says so, asks for towers, which would
    be one φ where it is held fixed, or names parameter_transfer.

    config, asked: as of `suited`.
    """
    if refused(config) or "backbone" in _ignored(config):
        return {}
    try:
        backbone = node_object("backbone", resolved(config)["backbone"])
    except UserError:  # to be told with all other mistakes
        return {}
    values: dict[str, str | None] = {"dataset.tokenizer": getattr(backbone, "tokenizer", None)}
    if getattr(backbone, "slow", False) and _has_weights(config):
        values["strategy.train"] = "head"
    return {
        key: value
        for key, value in values.items()
        if value is not None and key not in asked and _open(config, key)
    }


def _open(config: Mapping[str, Any], key: str) -> bool:
    """Whether a key is an option and has the value that we ship.

    A YAML that says train: all cannot be told from one that says nothing.
    """
    group, _, option = key.partition(".")
    node = config.get(group)
    if not isinstance(node, Mapping) or node.get("name") == "parameter_transfer":
        return False
    if node.get("scope") == "towers":
        return False
    return bool(node.get(option, "") == (None if key == "dataset.tokenizer" else "all"))


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
