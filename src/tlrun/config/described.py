"""What is known of each name and key: what a YAML's comments say, what the class allows.

Nothing is written here a second time. A key has its default and its comment from the YAML (of a
plug-in, from the class and its docstring), and what is allowed from the type of the class's field.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

from tlrun.config import plugins
from tlrun.config.build import Run
from tlrun.config.comments import Written, head, keys_in
from tlrun.config.registry import GROUPS, find, names, shipped
from tlrun.config.yaml_text import read_yaml
from tlrun.core.options import expected, fields

EXPERIMENT = "experiment"
SWEPT = "hydra.sweeper.params."  # of a study: below it stand its axes
OPTION = re.compile(r"(?<![\w.])(\w+): ")  # `name: what it means`, in a docstring


@dataclass(frozen=True)
class Key:
    """A key as it is typed.

    default: as it is typed too. allowed: in words; hint: the type that says so. comment: what it
    means.
    """

    key: str
    default: str
    allowed: str
    comment: str
    hint: Any = None


@dataclass(frozen=True)
class Entry:
    """A name of a group. meaning: its equation, or what it is. command: that uses it.

    more: further lines at the head of its YAML. axes: what a study sweeps over, as it is typed.
    origin: where it comes from, if not from here.
    """

    group: str
    name: str
    meaning: str
    command: str
    more: tuple[str, ...]
    keys: tuple[Key, ...]
    axes: tuple[str, ...] = ()
    origin: str = ""


def all_names(group: str, folder: Path | None = None) -> tuple[str, ...]:
    """Every name of a group or of `experiment`; folder: YAMLs of the user's own, theirs too."""
    ours = shipped(group) if group == EXPERIMENT else names(group)
    if folder is None:
        return ours
    theirs = sorted(path.stem for path in folder.joinpath(group).glob("*.y*ml"))
    return ours + tuple(name for name in theirs if name not in ours)


def meaning(group: str, name: str, folder: Path | None = None) -> str:
    """The equation or meaning of a name, in one line."""
    text = _text(group, name, folder)
    if text is None:
        return _first_line(find(group, name))
    return head(text)[0]


def entry(group: str, name: str, folder: Path | None = None) -> Entry:
    """All that is known of a name of a group.

    folder: YAMLs of the user's own. Raises UserError for a plug-in that cannot be imported.
    """
    text = _text(group, name, folder)
    if text is None:
        cls = find(group, name)
        command, origin = f"tl-run {group}={name}", f"from {plugins.origin(group, name)}"
        keys = tuple(_keys(group, cls, {}))
        return Entry(group, name, _first_line(cls), command, (), keys, origin=origin)
    said, command, more = head(text)
    command = command or f"tl-run {group}={name}"
    of_user = folder is not None and _own_file(group, name, folder) is not None
    origin = f"from {folder}" if of_user else ""
    if group == EXPERIMENT:
        axes = tuple(
            f"{key.removeprefix(SWEPT)}={it.value}"
            for key, it in _written(text).items()
            if key.startswith(SWEPT)
        )
        return Entry(group, name, said, command, tuple(more), (), axes, origin)
    cls_name = _class_name(group, name, text, folder)
    written = _written(text)
    if cls_name in names(group):
        if cls_name != name:  # what the YAML leaves as it is
            ours = _text(group, cls_name, None)
            base = _written(ours) if ours else {}
            written = base | {
                key: Written(it.value, it.comment or base.get(key, it).comment)
                for key, it in written.items()
            }
        keys = tuple(_keys(group, find(group, cls_name), written))
    else:
        keys = tuple(Key(f"{group}.{k}", it.value, "", it.comment) for k, it in written.items())
    return Entry(group, name, said, command, tuple(more), keys, origin=origin)


@cache
def top_keys() -> dict[str, Key]:
    """The keys of configs/run.yaml that are no group, by name: seed, verdict.alpha."""
    written = _written(resources.files("tlrun.configs").joinpath("run.yaml").read_text("utf-8"))
    found: dict[str, Key] = {}
    for key, hint in fields(Run).items():
        if key in GROUPS:
            continue
        inner = {key: hint}
        if dataclasses.is_dataclass(hint):
            inner = {f"{key}.{name}": rule for name, rule in fields(hint).items()}  # type: ignore[arg-type]
        for name, rule in inner.items():
            it = written.get(name, Written("", ""))
            found[name] = Key(name, it.value, expected(rule), it.comment, rule)
    return found


@cache
def top_nodes() -> dict[str, str]:
    """The nodes of configs/run.yaml that are no group, as verdict, with what is said of each."""
    written = _written(resources.files("tlrun.configs").joinpath("run.yaml").read_text("utf-8"))
    nodes = [key for key, hint in fields(Run).items() if dataclasses.is_dataclass(hint)]
    return {key: written[key].comment for key in nodes if key not in GROUPS and key in written}


def _keys(group: str, cls: type, written: Mapping[str, Written]) -> Iterator[Key]:
    """The options of a class, with what a YAML says of them, or else its docstring."""
    defaults, said = plugins.defaults(cls), _in_docstring(cls)
    for option, hint in fields(cls).items():
        it = written.get(option) or Written(typed(defaults[option]), "")
        comment = it.comment or said.get(option, "")
        yield Key(f"{group}.{option}", it.value, expected(hint), comment, hint)


def typed(value: Any) -> str:
    """A value as it is typed on a command line."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list | tuple):
        return f"[{','.join(map(typed, value))}]"
    return str(value)


def _in_docstring(cls: type) -> dict[str, str]:
    """What the docstring of a class says of its options: `name: what it means. other: …`."""
    known, found = fields(cls), dict[str, str]()
    for paragraph in (cls.__doc__ or "").split("\n\n"):
        text = " ".join(paragraph.split())
        marks = [mark for mark in OPTION.finditer(text) if mark[1] in known]
        bounds = [mark.start() for mark in marks] + [len(text)]
        for mark, end in zip(marks, bounds[1:], strict=True):
            found.setdefault(mark[1], text[mark.end() : end].strip().rstrip("."))
    return found


def _class_name(group: str, name: str, text: str, folder: Path | None) -> str:
    """Which class a YAML is of: it says so itself, or builds on a YAML that does."""
    try:
        config = read_yaml(text)
    except (yaml.YAMLError, ValueError):
        return name
    if not isinstance(config, Mapping):
        return name
    if "name" in config:
        return str(config["name"])
    below = [base for base in config.get("defaults") or () if isinstance(base, str)]
    for base in below:
        inner = _text(group, base, folder) if base not in ("_self_", name) else None
        if inner is not None:
            return _class_name(group, base, inner, None)
    return name


def _written(text: str) -> dict[str, Written]:
    """The keys of a YAML; none where it is broken, which is told where it is used."""
    try:
        return keys_in(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}


def _text(group: str, name: str, folder: Path | None) -> str | None:
    """The text of a name's YAML, the user's before ours; None where it has none."""
    own = _own_file(group, name, folder) if folder is not None else None
    if own is not None:
        return own.read_text(encoding="utf-8", errors="replace")
    if name not in shipped(group):
        return None
    return resources.files("tlrun.configs").joinpath(group, f"{name}.yaml").read_text("utf-8")


def _own_file(group: str, name: str, folder: Path) -> Path | None:
    for file in (folder / group / f"{name}.yaml", folder / group / f"{name}.yml"):
        if file.is_file():
            return file
    return None


def _first_line(cls: type) -> str:
    return (cls.__doc__ or cls.__name__).strip().splitlines()[0]
