"""The strategy and backbone that suit a data set, where the user has chosen none."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tlrun.config.build import node_object
from tlrun.core.errors import UserError

# What configs/run.yaml chooses. A choice of just this in a YAML of the user's own cannot be told
# from none; it would be refused where something else suits.
SHIPPED = {"strategy": "feature_transfer", "backbone": "conv"}


def suited(config: Mapping[str, Any], asked: Collection[str]) -> list[str]:
    """The choices of groups, as strategy=single_task, that suit the data set better than ours.

    config: as composed, with its values. asked: the keys that the user has set; who sets a group,
    or an option of it, has chosen.
    """
    try:
        dataset = node_object("dataset", config.get("dataset"))
    except UserError:  # to be told with all other mistakes
        return []
    suits = getattr(dataset, "suits", None)
    choices = []
    for group, name in (suits() if suits else {}).items():
        ours = config.get(group, {}).get("name") == SHIPPED.get(group)
        chosen = any(key == group or key.startswith(f"{group}.") for key in asked)
        if ours and not chosen and name != SHIPPED[group]:
            choices.append(f"{group}={name}")
    return choices
