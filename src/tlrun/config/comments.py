"""What the comments of a YAML say: of the whole on its first lines, of each key on its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import yaml

from tlrun.config.yaml_text import LOADER

PACKAGE = "# @package"  # Hydra's own, on line 1 of a study
COMMENT = re.compile(r"\s*#\s*(.*)")
GAP = re.compile(r"\s{3,}(?=tl-run )")  # between the meaning and the command of line 1


@dataclass(frozen=True)
class Written:
    """A key as a YAML has it. value: its text there; comment: what is said of it, or nothing."""

    value: str
    comment: str


def head(text: str) -> tuple[str, str, list[str]]:
    """What the first lines of a YAML say: the meaning, the command, and the lines after that one.

    Each without its #; the command is what follows the meaning after some spaces.
    """
    lines: list[str] = []
    for line in text.splitlines():
        if line.startswith(PACKAGE):
            continue
        found = COMMENT.match(line)
        if found is None:
            break
        lines.append(found[1])
    if not lines:
        return "", "", []
    meaning, *command = GAP.split(lines[0], maxsplit=1)
    return meaning.strip(), "".join(command).strip(), lines[1:]


def keys_in(text: str) -> dict[str, Written]:
    """The keys of a YAML, dotted where they are below others, in its order.

    A comment stands behind the value, or in lines of its own above the key. Raises yaml.YAMLError
    for what is no YAML.
    """
    root = yaml.compose(text, Loader=LOADER)
    if not isinstance(root, yaml.MappingNode):
        return {}
    return dict(_below(root, text.splitlines(), ""))


def _below(node: yaml.MappingNode, lines: list[str], path: str) -> Iterator[tuple[str, Written]]:
    for name, value in node.value:
        key = f"{path}{name.value}"
        above, behind = name.start_mark.line, value.end_mark
        block = isinstance(value, yaml.CollectionNode) and not value.flow_style
        if block or (value.start_mark.line, value.start_mark.column) == (
            behind.line,
            behind.column,
        ):
            behind = name.end_mark  # the value begins on the next line, or there is none
        rest = lines[behind.line][behind.column :].lstrip(":") if behind.line < len(lines) else ""
        comment = COMMENT.match(rest)
        said = comment[1] if comment else _above(lines, above)
        yield key, Written(_text(value), said.strip())
        if isinstance(value, yaml.MappingNode):
            yield from _below(value, lines, f"{key}.")


def _above(lines: list[str], line: int) -> str:
    """The comment lines right above a line; not those that begin a file, which say what it is."""
    found: list[str] = []
    while line > 0 and (comment := COMMENT.match(lines[line - 1])):
        found.insert(0, comment[1])
        line -= 1
    return " ".join(found) if line > 0 else ""


def _text(node: yaml.Node) -> str:
    """A value as it is typed on a command line."""
    if isinstance(node, yaml.SequenceNode):
        return f"[{','.join(map(_text, node.value))}]"
    if isinstance(node, yaml.MappingNode):
        pairs = (f"{_text(name)}: {_text(value)}" for name, value in node.value)
        return f"{{{', '.join(pairs)}}}"
    text = str(node.value)
    if node.tag.endswith(":float"):
        return text.lstrip(".") if text.lower().endswith("inf") else text
    quoted = isinstance(node, yaml.ScalarNode) and node.style
    return f'"{text}"' if quoted and not text.isalnum() else text
