"""How a file writes: which words stand for nothing, and which texts are numbers.

A number is written with the digits 0 to 9, a sign and an exponent or none, and the file's own marks
of decimals and thousands. Everything else is text, and what it looks like is said, never guessed.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property

SPACES = " \u00a0\u2009\u202f"  # those that stand between thousands
NOT_FINITE = re.compile(r"[+-]?inf(inity)?", re.IGNORECASE)


@dataclass(frozen=True)
class Notation:
    """The notation of one file.

    missing: words that stand for no value, in any case; an empty cell always does. One that is a
    number stands for that number however it is written: -999 for -999.0 too.
    decimal: what stands before decimals. thousands: what stands between thousands; "" for nothing.
    """

    missing: tuple[str, ...] = ()
    decimal: str = "."
    thousands: str = ""

    @cached_property
    def pattern(self) -> str:
        """The regular expression of a number, for the whole of a text; Python and RE2 read it."""
        whole = "[0-9]+"
        if self.thousands:
            mark = re.escape(self.thousands)
            if self.thousands == " ":
                mark = f"[{SPACES}]"
            whole = f"(?:[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+|[0-9]+)"
        point = re.escape(self.decimal)
        number = f"(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+)"
        return f"^[+-]?{number}(?:[eE][+-]?[0-9]+)?$"

    @cached_property
    def plain(self) -> bool:
        """Whether numbers are written as programs write them: 1234.5."""
        return self.decimal == "." and not self.thousands

    @cached_property
    def missing_words(self) -> frozenset[str]:
        """The words that stand for nothing, in one case."""
        return frozenset({"", *(word.strip().casefold() for word in self.missing)})

    @cached_property
    def missing_numbers(self) -> tuple[float, ...]:
        """The numbers that stand for nothing."""
        # as the file writes them, or as a program does: -99.9 beside decimal commas
        plain = Notation()
        found = []
        for word in self.missing:
            number = self.number(word.strip())
            found.append(plain.number(word.strip()) if number is None else number)
        return tuple(number for number in found if number is not None)

    def number(self, text: str) -> float | None:
        """The number that a text is, an infinite one too; None where it is none."""
        if re.match(self.pattern, text):
            return float(self.as_plain(text))
        return float(text) if NOT_FINITE.fullmatch(text) else None

    def as_plain(self, number: str) -> str:
        """The text of a number as programs write it."""
        if self.thousands:
            for mark in SPACES if self.thousands == " " else self.thousands:
                number = number.replace(mark, "")
        return number.replace(self.decimal, ".")

    def is_missing(self, text: str) -> bool:
        """Whether a text stands for nothing."""
        if text.casefold() in self.missing_words:
            return True
        return bool(self.missing_numbers) and self.number(text) in self.missing_numbers


# What is no number here and may be meant as one, and what to do about it: by a pattern for the
# whole of a text. The first that fits is told.
MONTH = r"[A-Za-z]{3,9}\.?"
DATE = (
    rf"({MONTH} )?\d{{1,2}}[ -]?{MONTH}[ -]?\d{{2,4}}"
    rf"|({MONTH} )?{MONTH} \d{{1,2}}(st|nd|rd|th)?,? \d{{4}}"
    rf"|{MONTH} \d{{4}}|\d{{8}}T\d{{4,6}}Z?|\d{{4}}-W\d{{2}}|"
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ]\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?(Z|[+-]\d{2}:?\d{2}))?)?"
    r"|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})( \d{1,2}:\d{2}(:\d{2})?( ?[AaPp][Mm])?)?"
    r"|\d{4}-(0[1-9]|1[0-2])|\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[AaPp][Mm])?"
)
MONEY = r"(US\$|[$€£¥₹]|USD|EUR|GBP|CHF)"
LOOKS = (
    (DATE, "dates or times"),
    (r"[+-]?\d+([.,]\d+)?\s?(%|pct|percent)", "percentages"),
    (
        rf"[+-]?({MONEY}\s?[+-]?\d[\d.,'\s]*|\d[\d.,'\s]*{MONEY})",
        "amounts of money",
    ),
    (r"[+-]?\d+([.,]\d+)?\s[^\d\s]{1,6}", "numbers with a unit"),
    (r"[\u2212\u2013]\d+([.,]\d+)?", "numbers with a minus sign that is none"),
    (r"\(\d+([.,]\d+)?\)", "negative numbers in brackets"),
)
NOTATIONS = (  # a whole file's, the simplest first
    (Notation(decimal=","), "decimal commas", "dataset.decimal=','"),
    (Notation(thousands=","), "commas between thousands", "dataset.thousands=','"),
    (
        Notation(decimal=",", thousands="."),
        "decimal commas and points between thousands",
        "dataset.decimal=',' dataset.thousands=.",
    ),
    (Notation(thousands="'"), "apostrophes between thousands", 'dataset.thousands="\'"'),
    (Notation(thousands=" "), "spaces between thousands", "dataset.thousands=' '"),
    (
        Notation(decimal=",", thousands=" "),
        "decimal commas and spaces between thousands",
        "dataset.decimal=',' dataset.thousands=' '",
    ),
    (Notation(decimal="."), "decimal points", "dataset.decimal=."),
)


def other_notations(texts: list[str], used: Notation) -> list[tuple[str, str]]:
    """What texts that are no numbers here may be as numbers of another notation.

    Each is the notation in words, and the options that read it; most texts are to be numbers in it.
    Where 1,234 alone is seen, it may be a decimal comma or one between thousands, and both are
    given.
    """
    found: list[tuple[str, str]] = []
    for notation, looks, options in NOTATIONS:
        if (notation.decimal, notation.thousands) == (used.decimal, used.thousands):
            continue
        simplest = not any(words in looks for words, _ in found)
        marks = SPACES if notation.thousands == " " else notation.thousands
        if marks and not any(mark in text for text in texts for mark in marks):
            continue  # it says no more than a notation without
        fits = sum(_finite(notation.number(text)) for text in texts)
        if simplest and fits > len(texts) / 2:
            found.append((looks, options))
    return found


def kind_of_text(texts: list[str]) -> str:
    """What most of some texts look like: dates or times, percentages, amounts; empty: nothing."""
    for pattern, looks in LOOKS:
        alike = sum(re.fullmatch(pattern, text) is not None for text in texts)
        if alike > len(texts) / 2:
            return looks
    return ""


def _finite(number: float | None) -> bool:
    return number is not None and math.isfinite(number)
