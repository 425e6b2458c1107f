"""A command as a person would type it into a shell."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

IN_DOUBLE_QUOTES = set('"$`\\!')  # what a shell reads in them


def command_line(words: Iterable[str]) -> str:
    """`words` as a shell reads them back: a word with single quotes in it stands in double ones."""
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if "'" in word and not IN_DOUBLE_QUOTES & set(word):
        return f'"{word}"'
    return shlex.quote(word)
