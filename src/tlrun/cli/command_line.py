"""A command as a person would type it into a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

IN_DOUBLE_QUOTES = set('"$`\\!')  # what a shell reads in them
# text that needs no quotes in Hydra's grammar
PLAIN = re.compile(r"(?!(?:null|true|false)$)[A-Za-z_/~.][\w/~.-]*")


def command_line(words: Iterable[str]) -> str:
    """`words` as a shell reads them back: a word with single quotes in it stands in double ones."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if "'" in word and not IN_DOUBLE_QUOTES & set(word):
        return f'"{word}"'
    return shlex.quote(word)


def override(key: str, value: object) -> str:
    """key=value as Hydra reads it back, before the shell's own quotes."""
    return f"{key}={_written(value)}"


def _written(value: object) -> str:
    """A value in Hydra's grammar."""
    if isinstance(value, list):
        return f"[{','.join(map(_written, value))}]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and not PLAIN.fullmatch(value):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    return str(value)
