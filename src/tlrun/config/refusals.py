"""What a config may not do, whoever wrote it.

A config names things and gives them values. It runs no code, reads no environment, and leaves
Hydra's own settings alone: that is checked on the composed tree before anything in it is resolved.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tlrun.core.errors import Mistake

# What may differ from the shipped hydra node. runtime, overrides and job say how it was composed.
FREE = (
    "runtime", "overrides", "job.override_dirname", "job.num", "mode", "verbose", "searchpath",
    "sweeper.params",
)  # fmt: skip
UNDERSCORED = re.compile(r"_\w+_")
REFERENCE = re.compile(r"\$\{([\w.]+)\}")
AS_SHIPPED = "to be left as tl-run sets it"


def refused(config: Mapping[str, Any]) -> list[Mistake]:
    """A mistake for every key that would name code, and every value that is more than a value.

    config: as composed, nothing in it resolved. A value may also be one reference, `${key}`, to a
    key with a value of its own.
    """
    mistakes: list[Mistake] = []
    values = dict(leaves(config))
    for path, value in values.items():
        if any(UNDERSCORED.fullmatch(key) for key in path.split(".")):
            never = f"a config names things, and never code (found {one_line(value)})"
            mistakes.append(Mistake(path, found="refused", hint=never))
        if isinstance(value, str) and "${" in value:
            target = REFERENCE.fullmatch(value)
            if target is None:
                one = "a value or one reference like ${seed}"
                mistakes.append(Mistake(path, one, one_line(value)))
            elif target[1] not in values or "${" in str(values[target[1]]):
                direct = "a reference to a key with a value of its own"
                mistakes.append(Mistake(path, direct, value))
    return mistakes


def resolved(config: Mapping[str, Any]) -> dict[str, Any]:
    """`config`, in which nothing is `refused`, each reference replaced by what it refers to."""
    values = dict(leaves(config))

    def walk(node: Any) -> Any:
        if isinstance(node, Mapping):
            return {key: walk(value) for key, value in node.items()}
        if isinstance(node, list):
            return [walk(value) for value in node]
        if not isinstance(node, str):
            return node
        target = REFERENCE.fullmatch(node)
        return values[target[1]] if target else node

    return {key: walk(value) for key, value in config.items()}


def misshapen(hydra: Any) -> list[Mistake]:
    """What Hydra itself would meet with a traceback in its own node."""
    if not isinstance(hydra, Mapping) or not isinstance(hydra.get("sweeper"), Mapping):
        free = f"{AS_SHIPPED}, but for sweeper.params, mode and launcher"
        return [Mistake("hydra", free, "another node")]
    if not isinstance(hydra.get("launcher", {}), Mapping):
        return [Mistake("hydra.launcher", AS_SHIPPED, one_line(hydra.get("launcher")))]
    if not isinstance(hydra.get("launcher", {"_target_": ""}).get("_target_"), str):
        found = one_line(hydra.get("launcher"))
        return [Mistake("hydra.launcher", AS_SHIPPED, found)]
    params, verbose = hydra["sweeper"].get("params"), hydra.get("verbose")
    if not isinstance(params, Mapping | None):
        return [Mistake("hydra.sweeper.params", "key: values", one_line(params))]
    if not isinstance(verbose, bool | str | list):
        return [Mistake("hydra.verbose", "true, false or names of loggers", one_line(verbose))]
    return []


def hydra_differs(
    ours: Mapping[str, Any], theirs: Mapping[str, Any], launchers: set[str]
) -> list[Mistake]:
    """A mistake for every setting of Hydra's that is not as shipped, beyond what is FREE.

    ours, theirs: the leaves of the shipped and of the composed node. launchers: the targets that
    are a launcher of an installed package, which may be chosen and given values.
    """
    mistakes: list[Mistake] = []
    chosen = theirs.get("launcher._target_")
    for key in {**ours, **theirs}:
        if _is_free(key):
            continue
        fits = ours.get(key, ...) == theirs.get(key, ...)
        if key == "launcher._target_":
            fits = fits or chosen in launchers
        elif key.startswith("launcher."):
            coded = any(UNDERSCORED.fullmatch(part) for part in key.split("."))
            fits = not coded and chosen != ours["launcher._target_"]
        if not fits:
            mistakes.append(Mistake(f"hydra.{key}", AS_SHIPPED, _found(theirs, key)))
    return mistakes


def _is_free(key: str) -> bool:
    """Whether a key may differ; which YAMLs of Hydra's own were chosen may not, but the launcher's.

    Most of what such a YAML says is set anew by ours: it would be without effect, and a word.
    """
    if key.startswith("runtime.choices.hydra/"):
        return key == "runtime.choices.hydra/launcher"
    return any(key == free or key.startswith(f"{free}.") for free in FREE)


def _found(theirs: Mapping[str, Any], key: str) -> str:
    """What stands at a key that is to be left alone. Hydra puts values of the environment there."""
    if key.startswith("job.env_set"):
        return "another"
    value = theirs.get(key, {})
    return "nothing" if value == {} else one_line(value)


def leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of a tree with its dotted path; an empty container is a value too."""
    items = node.items() if isinstance(node, Mapping) else enumerate(node)
    for key, value in items:
        here = f"{path}.{key}" if path else str(key)
        if isinstance(value, Mapping | list) and value:
            yield from leaves(value, here)
        else:
            yield here, value


def one_line(message: object) -> str:
    """The first 300 characters of a message of another's, in one line."""
    return " ".join(str(message).split())[:300]
