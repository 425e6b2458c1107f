"""Characters that look like those of a command line and are others, as pasted from a document."""

from __future__ import annotations

import unicodedata

# What a program that sets text puts in the place of what was typed.
MEANT = {
    "\u2212": "-", "\u2010": "-", "\u2011": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-",
    "\ufe63": "-", "\uff0d": "-", "\uff1d": "=", "\ufe66": "=", "\uff0c": ",", "\uff0e": ".",
    "\u201c": '"', "\u201d": '"', "\u201e": '"', "\u00ab": '"', "\u00bb": '"', "\u2018": "'",
    "\u2019": "'", "\u201a": "'", "\u00a0": "a space", "\u202f": "a space", "\u2009": "a space",
    "\u3000": "a space", "\u200b": "nothing", "\ufeff": "nothing", "\u2060": "nothing",
    "\t": "a space",
}  # fmt: skip
DASHES = tuple(char for char, meant in MEANT.items() if meant == "-")


def look_alike(text: str) -> str:
    """The first such character of a text, named, and what it is not; nothing where it has none."""
    for char in text:
        if char in MEANT:
            name = unicodedata.name(char, "TAB").lower().replace("-", " ")
            meant = MEANT[char]
            shown = f"{char} " if char.isprintable() and not char.isspace() else ""
            instead = f"is not {meant}" if len(meant) == 1 else f"where {meant} was meant"
            return f"{shown}(U+{ord(char):04X}, {name}) {instead}"
    return ""


def as_meant(text: str) -> str:
    """A text with what was meant in the place of such characters."""
    words = {"a space": " ", "nothing": ""}
    return "".join(words.get(MEANT.get(char, char), MEANT.get(char, char)) for char in text)
