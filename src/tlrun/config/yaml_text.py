"""YAML as it is read here, and text in a user's that it reads as something else.

That is 010 as 8, no as false, 1:30 as 90. Where an option may be text, such as the name of a
domain, it is to stand in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import yaml

from tlrun.config.registry import GROUPS, find, shipped
from tlrun.core.errors import Mistake
from tlrun.core.options import fields

WORDS_OR_NUMBERS = {"missing"}  # which are numbers only where they are written as such
# The parser in C, where PyYAML has one: it reads the same, ten times as fast.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
MOST_BYTES, DEEPEST = 2**20, 50  # of a text: beyond them it is no config
TAG = "tag:yaml.org,2002:"
# text to YAML, a number to OmegaConf
EXPONENT = re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?[eE][-+]?[0-9]+")


def read_yaml(text: str) -> Any:
    """What a YAML text holds.

    Raises yaml.YAMLError, and ValueError for a number of too many digits and what is `harmful`.
    """
    if why := harmful(text):
        raise ValueError(" instead of ".join(why))
    return yaml.load(text, Loader=LOADER)  # noqa: S506  # either loader is a safe one


def harmful(text: str | bytes) -> tuple[str, str] | None:
    """What in a YAML text would hang or harm whoever loads it, and what is wanted instead.

    None where nothing would. An alias is refused: ten of ten of ten, and a few lines are a million
    values. Raises yaml.YAMLError, ValueError.
    """
    if len(text) > MOST_BYTES:
        return f"{len(text)}", f"at most {MOST_BYTES} bytes of YAML"
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.AliasEvent):
            return f"the alias *{event.anchor}", "every value written out"
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            return "more", f"at most {DEEPEST} levels"
    return None


def misread(path: Path, root: yaml.Node) -> Iterator[Mistake]:
    """A mistake for each scalar of a file that is meant as text, and would be read as another.

    root: what the file holds. An option is known by its name, wherever it stands.
    """
    for key, scalar in _scalars(root, ""):
        # hydra.sweeper.params has dataset.target as one key
        if key.rpartition(".")[2] in _text_options() and not _as_written(scalar):
            yield Mistake(
                f"{path}, line {scalar.start_mark.line + 1}",
                expected=f'text in quotes for {key}, as in "{scalar.value}"',
                found=f"{scalar.value}, which YAML reads as {_reading(scalar)}",
            )


def sexagesimal(path: Path, root: yaml.Node) -> Iterator[Mistake]:
    """A mistake for each number of a file in base 60: what means a time is some other number.

    root: what the file holds. Those of `misread` are not among them.
    """
    for key, scalar in _scalars(root, ""):
        text = key.rpartition(".")[2] in _text_options()
        if not text and scalar.tag in (f"{TAG}int", f"{TAG}float") and ":" in scalar.value:
            line = f"{path}, line {scalar.start_mark.line + 1}"
            found = f"{scalar.value[:80]}, which YAML reads as {_reading(scalar)[:80]}"
            yield Mistake(line, f"a number without : for {key}", found)


def unclosed(path: Path, root: yaml.Node) -> Iterator[Mistake]:
    """A mistake for each scalar of a file with a ${ that nothing closes: Hydra says nothing of it.

    root: what the file holds.
    """
    for key, scalar in _scalars(root, ""):
        if scalar.value.count("${") > scalar.value.count("}"):
            line = f"{path}, line {scalar.start_mark.line + 1}"
            yield Mistake(line, f"a }} for every ${{ of {key}", scalar.value[:80])


def _scalars(node: yaml.Node, key: str) -> Iterator[tuple[str, yaml.ScalarNode]]:
    """Every scalar value below a node, with the key that it is a value of."""
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from _scalars(value, str(name.value))
            if isinstance(name, yaml.ScalarNode):  # of a mapping by names, {010: regression}
                yield key, name
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _scalars(value, key)
    elif isinstance(node, yaml.ScalarNode):
        yield key, node


def _as_written(scalar: yaml.ScalarNode) -> bool:
    """Whether a scalar is read as the text that it is, as a number of that text, or null."""
    kind, text = scalar.tag.removeprefix(TAG), str(scalar.value)
    if kind in ("str", "null", "timestamp"):  # OmegaConf leaves dates as they are written
        return bool(scalar.style) or EXPONENT.fullmatch(text) is None
    return kind in ("int", "float") and _reading(scalar) == text


def _reading(scalar: yaml.ScalarNode) -> str:
    """What YAML reads a scalar as."""
    if EXPONENT.fullmatch(scalar.value):
        return f"{float(scalar.value):g}"
    try:
        return str(yaml.safe_load(scalar.value)).lower()
    except (yaml.YAMLError, ValueError):
        return "a number"


@cache
def _text_options() -> frozenset[str]:
    """The names of all options that may be text, less those whose numbers have any form."""
    found = {"runs_dir"}
    for group in GROUPS:
        for name in shipped(group):
            for option, hint in fields(find(group, name)).items():
                kinds = set(_kinds(hint))
                if str in kinds and (float not in kinds or option in WORDS_OR_NUMBERS):
                    found.add(option)
    return frozenset(found)


def _kinds(hint: Any) -> Iterator[Any]:
    """The plain types of what an option may be, or may be a list of; a choice of words is none."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        yield from _kinds(arguments[0])
    elif origin is Mapping:
        yield str
    elif origin in (tuple, Union, UnionType):
        for argument in arguments:
            yield from _kinds(argument)
    else:
        yield hint
