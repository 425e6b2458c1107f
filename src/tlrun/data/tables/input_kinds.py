"""What an input column is: numbers, categories, or nothing to learn from.

A column is used as it is written or not at all: what is left out is told, and what might be meant
in another way is refused, with the option that says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from tlrun.core.errors import Mistake, UserError, nearest
from tlrun.data.tables.column import Column, shown
from tlrun.data.tables.notation import kind_of_text, other_notations

MANY = 100  # categories of one input; more than that is often no category
ENOUGH = 10  # rows from which on it can be told that a column names its rows
SAMPLE = 1000  # texts of a column that are looked at
SENTENCE = 4  # words in a cell, on average, from which on a column is free text
KEY = "dataset.inputs"


@dataclass(frozen=True)
class Inputs:
    """The inputs that are numbers, those that are categories, and lines for the user."""

    numbers: tuple[Column, ...]
    categories: tuple[Column, ...]
    notes: tuple[str, ...]


def sort_inputs(candidates: Sequence[Column], asked: bool, categorical: Sequence[str]) -> Inputs:
    """The candidates, each by its kind.

    asked: whether the user named them one by one; then none is left out. categorical: the names of
    those that are categories whatever they hold. Raises UserError, a mistake for each column that
    is neither numbers nor categories, and where a name of `categorical` is none of theirs.
    """
    names = [column.name for column in candidates]
    for name in categorical:
        if name not in names:
            hint = nearest(name, names)
            raise UserError(Mistake("dataset.categorical", "an input", shown(name), hint))
    numbers, categories = [], []
    notes: list[str] = []
    mistakes: list[Mistake] = []
    for column in candidates:
        if column.name in categorical:
            categories.append(column)
        elif not asked and _names_rows(column):
            notes.append(_left_out(column))
        elif column.numeric:
            numbers.append(column)
            mistakes += _not_finite(column)
        else:
            categories.append(column)
            mistakes += _no_category(column)
    if mistakes:
        raise UserError(*mistakes)
    for column in categories:
        notes += _notes(column)
    return Inputs(tuple(numbers), tuple(categories), tuple(notes))


def _names_rows(column: Column) -> bool:
    """Whether every row has a value of its own that only tells it from the others.

    That is a whole number or one word; decimals are measurements, and sentences are text.
    """
    rows = len(column)
    if rows < ENOUGH or column.missing.any():
        return False
    if column.numeric:
        whole = bool((column.numbers == np.round(column.numbers)).all())
        return whole and len(np.unique(column.numbers)) == rows
    if column.words.sum() < rows or _is_text(column) or looks_like(column)[0]:
        return False
    return len(column.values[0]) == rows


def _left_out(column: Column) -> str:
    what = "different text"
    if column.numeric:
        steps = np.diff(np.sort(column.numbers))
        what = "whole number of its own"
        if (steps == 1).all():
            what = f"number from {column.numbers.min():.0f} to {column.numbers.max():.0f}"
    reads = f"dataset.inputs=[…,{column.name}] reads it"
    return f"input {column.name}: a {what} in every row, so it names the rows: left out; {reads}"


def _not_finite(column: Column) -> Iterator[Mistake]:
    try:
        column.check_finite(KEY)
    except UserError as error:
        yield from error.mistakes


def _no_category(column: Column) -> Iterator[Mistake]:
    """A mistake where a column with words in it is no category."""
    expected = f"numbers or categories in column {column.name}"
    words = np.flatnonzero(column.words)
    first = column.at(int(words[0]))
    present = int((~column.missing).sum())
    leave = f"leave it out with dataset.ignore=[{column.name}]"
    looks, options = looks_like(column)
    if options:
        yield Mistake(KEY, expected, f"{first}: it looks like {looks}", f"try {options}")
    elif looks == "dates or times":
        do = f"make a number of it, such as days since a date, or {leave}"
        yield Mistake(KEY, expected, f"{first}: it looks like {looks}", do)
    elif looks:
        do = f"write plain numbers, or {leave}"
        yield Mistake(KEY, expected, f"{first}: it looks like {looks}", do)
    elif len(words) <= present / 2:
        cells = "1 cell is no number" if len(words) == 1 else f"{len(words)} cells are no numbers"
        missing = f"if it is a missing value, add it to dataset.missing; or mend it, or {leave}"
        known = f"dataset.categorical=[{column.name}] reads every value as a category"
        yield Mistake(
            KEY,
            f"numbers in column {column.name}",
            f"{first} ({cells} of {present})",
            f"{missing}; {known}",
        )
    elif present >= ENOUGH and len(column.values[0]) > present / 2:
        different = f"{len(column.values[0])} different texts in {present} rows"
        if _is_text(column):
            yield Mistake(KEY, expected, f"{first}: free text, {different}", leave)
        else:
            do = f"{leave}, or read it as it is with dataset.categorical=[{column.name}]"
            yield Mistake(KEY, expected, f"{different} ({first})", do)


def looks_like(column: Column) -> tuple[str, str]:
    """What the words of a column look like, and the options that read them, if any do."""
    words = _sample(column)
    readings = other_notations(words, column.notation)
    if readings:
        looks = " or ".join(looks for looks, _ in readings)
        return looks, ", or ".join(options for _, options in readings)
    return kind_of_text(words), ""


def _sample(column: Column) -> list[str]:
    """The first words of a column."""
    rows = np.flatnonzero(column.words)[:SAMPLE]
    texts: list[str] = column.text.take(rows).to_pylist()
    return texts


def _is_text(column: Column) -> bool:
    """Whether a column holds sentences."""
    words = _sample(column)
    return sum(len(re.findall(r"\S+", text)) for text in words) > SENTENCE * len(words)


def _notes(column: Column) -> Iterator[str]:
    """What a user may not have meant with a category."""
    names = column.values[0]
    if not column.numeric and not column.words[~column.missing].all():
        text = column.at(int(column.words.argmax()))
        yield (
            f"input {column.name} holds numbers and text ({text}): read as {len(names)} categories"
        )
    elif len(names) > MANY:
        what = f"has {len(names)} categories; if it only names the row, set dataset.ignore"
        yield f"input {column.name} {what}"
    yield from spellings(column, f"input {column.name}")


TRUE, FALSE = {"true", "t", "yes", "y", "1", "1.0"}, {"false", "f", "no", "n", "0", "0.0"}


def spellings(column: Column, what: str) -> Iterator[str]:
    """A line where values of a column differ in nothing but their spelling.

    what: the column, as the line is to call it. Values are kept as they are written.
    """
    names = column.values[0]
    if len(names) > MANY:
        return
    known = {name.casefold() for name in names}
    alike: dict[object, list[str]] = {}
    for name in names:
        number = column.notation.number(name)
        word: object = " ".join(name.casefold().split())
        if len(names) > 2 and known <= TRUE | FALSE:
            word = name.casefold() in TRUE
        elif number is not None and math.isfinite(number):
            word = Decimal(column.notation.as_plain(name))  # floats take long ids for one
        alike.setdefault(word, []).append(name)
    same = [" and ".join(map(repr, group)) for group in alike.values() if len(group) > 1]
    if same:
        one = "one value in two spellings" if len(same) == 1 else "spellings of one value"
        yield f"{what}: {', '.join(same)} look like {one}, and are read as written"
