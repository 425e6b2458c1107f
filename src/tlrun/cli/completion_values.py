"""What may stand before and behind the = of a setting, for the shell: keys, names and words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from tlrun.config.described import EXPERIMENT, all_names, entry, top_keys
from tlrun.config.registry import GROUPS, options
from tlrun.core.errors import UserError
from tlrun.core.options import choices

DEFAULTS = {"lam": "constant", "trainer": "trainer"}  # the only name, or the one that is meant
LAMBDA = ("0", "1", "inf")


def names_of(group: str, folder: Path | None) -> tuple[str, ...]:
    """The names of a group or of `experiment`, a user's own too; none of another key."""
    return all_names(group, folder) if group in (*GROUPS, EXPERIMENT) else ()


def option_keys(group: str, chosen: Mapping[str, str], folder: Path | None) -> Iterator[str]:
    """The options of a group, dotted: of the name that is chosen, or else of all its names."""
    if group not in GROUPS:
        return
    name = chosen.get(group) or DEFAULTS.get(group)
    if name in all_names(group, folder):
        with suppress(UserError):  # a plug-in that cannot be imported has none
            yield from (key.key for key in entry(group, name, folder).keys)
        return
    yield from (f"{group}.{option}" for option, groups in options().items() if group in groups)


def values_of(key: str, chosen: Mapping[str, str], folder: Path | None) -> Iterator[str]:
    """The words that a key may be: names of a group, what an option lists, true and false."""
    if key in (*GROUPS, EXPERIMENT):
        yield from names_of(key, folder)
    elif key in ("λ", "lambda", "lam.value"):
        yield from LAMBDA
    elif key == "seeds":
        yield "auto"
    elif key in top_keys():
        yield from choices(top_keys()[key].hint)
    group, _, option = key.partition(".")
    owners = options().get(option, {}).get(group, [])
    wanted = [chosen[group]] if chosen.get(group) in all_names_or_none(group, folder) else owners
    for name in wanted:
        with suppress(UserError):
            for each in entry(group, name, folder).keys:
                if each.key == key and each.hint is not None:
                    yield from (word for word in choices(each.hint) if word.strip())


def all_names_or_none(group: str, folder: Path | None) -> tuple[str, ...]:
    """The names of a group; none of what is no group."""
    return all_names(group, folder) if group in GROUPS else ()
