"""Docstrings as Markdown: prose, indented blocks, and `name: what it is` of arguments as a list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

LINE_HEAD = re.compile(  # `name`, `name, name` or `name(…) -> type`, at the beginning of a line
    r"(?:^|(?<=[.;:)]\n))[a-z_]\w*(?:\([^)\n]*\)(?: -> [^:\n]+)?|(?:, [a-z_]\w*)*)(?=: )"
)
COLUMNS = re.compile(r"^ +\S+(?: \S+)* {2,}\S")  # a line of a small table


def escaped(text: str) -> str:
    """`text` with what Markdown would read as markup outside `code` made plain."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(
        part if part.startswith("`") else re.sub(r"([\\*<>|\[\]_])", r"\\\1", part)
        for part in parts
    )


def blocks(docstring: str) -> Iterator[list[str]]:
    """Runs of lines that belong together: a paragraph, or lines that are indented as a block.

    Of a paragraph an indented line goes on with the line above it, unless it has columns.
    """
    lines: list[str] = []
    indented = False
    for line in [*docstring.splitlines(), ""]:
        block = line.startswith("    ") and (indented or not lines or bool(COLUMNS.match(line)))
        if lines and (not line.strip() or block != indented):
            yield lines
            lines = []
        if line.strip():
            lines.append(line)
            indented = block


def items(text: str, names: Iterable[str]) -> str:
    """A paragraph whose `name: what it is` are the items of a list.

    text: lines, an indented one joined to the one above it. A head of an item stands at the
    beginning of a line, or, of `names`, after a sentence.
    """
    known = "|".join(sorted(map(re.escape, names), key=len, reverse=True))
    anywhere = rf"(?<=[.;] )(?:{known})(?:, (?:{known}))*(?=: )|" if known else ""
    head = re.compile(rf"({anywhere}{LINE_HEAD.pattern}): ")
    before, *found = head.split(text)
    parts = [escaped(" ".join(before.split()))] if before.strip() else []
    listed = [
        f"- `{words}`: {escaped(' '.join(meaning.split()))}"
        for words, meaning in zip(found[::2], found[1::2], strict=True)
    ]
    return "\n\n".join([*parts, "\n".join(listed)] if listed else parts)


def markdown(docstring: str, names: Iterable[str] = ()) -> str:
    """A docstring (indentation removed) as Markdown.

    names: arguments and fields, whose `name: what it is` become the items of a list.
    """
    known = list(names)
    parts = []
    for lines in blocks(docstring):
        if lines[0].startswith("    "):
            parts.append("\n".join(["```text", *(line[4:] for line in lines), "```"]))
        else:
            joined = re.sub(r"\n +", " ", "\n".join(lines))
            parts.append(items(joined, known))
    return "\n\n".join(parts)
