"""What to do about a name, a key or a value that is not known: the hints of mistakes.

A misspelt word gets the nearest; a word of the field gets the setting that it is here; a key in the
wrong place gets its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tlrun.config.field_words import BY_WORD, plain, that_is
from tlrun.config.look_alikes import look_alike
from tlrun.config.registry import GROUPS, names, options, shipped
from tlrun.core.errors import closest, nearest
from tlrun.core.options import choices

ALIKE = 0.7  # of a word that may be any option: fewer common letters are chance
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|inf", re.IGNORECASE)
TABLES = (".csv", ".tsv", ".parquet", ".gz", ".txt", ".xlsx", ".json", ".jsonl")
TRUTH = {"yes": "true", "on": "true", "1": "true", "no": "false", "off": "false", "0": "false"}

SHOWN = 300  # characters of a value, in a message


def unknown_name(group: str, name: str, valid: Sequence[str]) -> str:
    """The hint about a `name` that a group has not. valid: those that it has."""
    if group == "lam":
        value = name if NUMBER.fullmatch(name) else "…"
        return f"{nearest(name, valid)}; λ itself is lam.value={value}"
    if group == "dataset" and (own := own_data(name)):
        return own
    for other in (*GROUPS, "experiment"):
        if other != group and name in (shipped(other) if other == "experiment" else names(other)):
            return f"did you mean {other}={name}?"
    return that_is(name) or look_alike(name) or nearest(name, valid)


def own_data(name: str) -> str:
    """The hint about a file or folder that stands where a data set is named, or nothing."""
    if name.lower().endswith(TABLES):
        path = f"dataset.path={name}"
        return f"a table is dataset=table_csv {path}, and texts are dataset=text_csv {path}"
    if "/" in name or _is_folder(name):
        return f"photos in folders are dataset=image_folder dataset.path={name}"
    return ""


def _is_folder(name: str) -> bool:
    try:
        return Path(name).is_dir()
    except OSError:  # longer than a name may be
        return False


def unknown_key(  # noqa: PLR0911  # one line a place
    key: str, known: Sequence[str], top: Sequence[str], config: Mapping[str, Any] | None = None
) -> str:
    """The hint about a key that is not known where it stands.

    key: dotted, or of the top. known: the last parts of those that are; top: the keys that stand at
    the top. config: what is composed, in which an option that stands at the top may be.
    """
    prefix, _, last = key.rpartition(".")
    group = prefix.partition(".")[0]
    places = options().get(last, {})
    if group in places:
        return f"{last} is an option of {group}={', '.join(places[group])}"
    for other, node in (config or {}).items():
        if other in GROUPS and isinstance(node, Mapping) and last in node and last != "name":
            return f"did you mean {other}.{last}?"
    if places:
        return _elsewhere(last)
    for other in top:
        if other.rpartition(".")[2] == last and other != key:
            return f"did you mean {other}?"
    if found := _of_field(key, last) or look_alike(last):
        return found
    if closest(last, known) is None and (near := closest(last, sorted(options()), ALIKE)):
        return _elsewhere(near)
    hint = nearest(last, known)
    if prefix and group not in GROUPS:  # one word where it stands would be none on a command line
        hint = hint.replace("did you mean ", f"did you mean {prefix}.")
    return hint


def _elsewhere(option: str) -> str:
    """The key of an option, with the names that have it where not all of the group do."""
    group, owners = next(iter(options()[option].items()))
    of = "" if set(owners) == set(names(group)) else f" (of {group}={', '.join(owners)})"
    return f"did you mean {group}.{option}?{of}"


def _of_field(key: str, last: str) -> str:
    """A word of the field, unless the setting that it is stands below the very same key."""
    entry = BY_WORD.get(plain(last))
    return "" if entry is None or f"{key}=" in entry.setting else that_is(last)


def wrong_value(key: str, value: object, hint: Any) -> str:
    """The hint about a value that `hint` does not allow: a word of it that is near, or nothing."""
    text = "null" if value is None else str(value)
    allowed = choices(hint)
    if isinstance(value, Mapping):
        text = str(value.get("name"))
    if "true" in allowed and text.lower() in TRUTH:
        return f"did you mean {TRUTH[text.lower()]}?"
    entry = BY_WORD.get(plain(text)) if isinstance(value, str) else None
    if entry is not None and _groups(key) & _groups(*entry.setting.split()):
        return that_is(text)
    if not isinstance(value, str | Mapping):
        return ""
    near = closest(text, allowed)
    return f"did you mean {near}?" if near is not None else look_alike(text)


def _groups(*settings: str) -> set[str]:
    """The groups, or keys of the top, that settings are below."""
    return {re.split("[.=]", setting)[0] for setting in settings}


def shown_value(value: object) -> str:
    """A value of a config, as a message shows it."""
    if value is None:
        return "nothing"
    try:
        text = repr(value) if isinstance(value, str) else str(value)
    except (ValueError, RecursionError):  # of a number of thousands of digits, or of a deep tree
        return "more than can be shown"
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
