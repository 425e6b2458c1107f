"""What an input column is: numbers, categories, or nothing to learn from.

A column is used as it is written or not at all: what is left out is told, and what might be meant
in another way is refused, with the option that says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from tlrun.core.errors import Mistake, UserError, nearest
from tlrun.data.tables.column import Column, shown
from tlrun.data.tables.notation import kind_of_text, other_notations
from tlrun.data.tables.spellings import LONG, MANY, spellings

MOST_LEVELS = 2000  # categories of one input, each of which is a feature
ENOUGH = 10  # rows from which on it can be told that a column names its rows
MOST_ROWS = 0.95  # the share of the rows that a name of rows has, and that it differs in
MANY_ROWS = 30  # from which on whole numbers that all differ are no measurements
SAMPLE = 1000  # texts of a column that are looked at
SENTENCE = 4  # words in a cell, on average, from which on a column is free text
KEY = "dataset.inputs"


@dataclass(frozen=True)
class Inputs:
    """The inputs that are numbers, those that are categories, and lines for the user.

    left_out: the lines about those that are neither.
    """

    numbers: tuple[Column, ...]
    categories: tuple[Column, ...]
    left_out: tuple[str, ...]
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
    left_out: list[str] = []
    mistakes: list[Mistake] = []
    for column in candidates:
        if column.name in categorical:
            categories.append(column)
        elif not asked and _names_rows(column):
            left_out.append(_left_out(column))
        elif column.numeric:
            numbers.append(column)
            mistakes += _not_finite(column)
        else:
            categories.append(column)
            mistakes += _no_category(column)
    if mistakes:
        raise UserError(*mistakes)
    notes = [note for column in categories for note in _notes(column)]
    notes += [note for column in numbers for note in _codes_note(column)]
    return Inputs(tuple(numbers), tuple(categories), tuple(left_out), tuple(notes))


def _names_rows(column: Column) -> bool:
    """Whether every row has a value of its own that only tells it from the others.

    That is a whole number or one word; decimals are measurements, and sentences are text.
    """
    rows = int((~column.missing).sum())
    if rows < max(ENOUGH, MOST_ROWS * len(column)):
        return False
    if column.numeric:
        numbers = column.numbers[~column.missing]
        if (numbers != np.round(numbers)).any():
            return False
        if np.median(np.abs(numbers)) >= LONG:  # as numbers, two may look like one
            return len(column.values[0]) >= MOST_ROWS * rows
        return _numbers_name_rows(numbers)
    if column.words.sum() < rows or is_text(column) or looks_like(column)[0]:
        return False
    return len(column.values[0]) == rows


def _numbers_name_rows(numbers: np.ndarray) -> bool:
    """Whether whole numbers, none missing, are nearly all different, and look like names.

    In a short table ages may all differ: there they are to be dense, or in the order of the rows;
    both, where a few are equal.
    """
    different = len(np.unique(numbers))
    if different < MOST_ROWS * len(numbers):
        return False
    steps = np.diff(numbers)
    in_order = bool((steps >= 0).all() or (steps <= 0).all())
    dense = bool(np.ptp(numbers) < 2 * len(numbers))
    if different < len(numbers):
        return in_order and dense
    return len(numbers) >= MANY_ROWS or in_order or dense


def _left_out(column: Column) -> str:
    what = "different text"
    if column.numeric:
        numbers = column.numbers[~column.missing]
        what = "whole number of its own"
        if (np.diff(np.sort(numbers)) == 1).all():
            what = f"number from {numbers.min():.0f} to {numbers.max():.0f}"
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

    def first() -> str:  # to say where it stands, the file is looked through again
        return column.at(int(words[0]))

    present = int((~column.missing).sum())
    leave = f"leave it out with dataset.ignore=[{column.name}]"
    codes = f"dataset.categorical=[{column.name}] reads every value as a category"
    looks, options = looks_like(column)
    if options:
        yield Mistake(KEY, expected, f"{first()}: it looks like {looks}", f"try {options}; {codes}")
    elif looks == "dates or times":
        do = f"make a number of it, such as days since a date, or {leave}; {codes}"
        yield Mistake(KEY, expected, f"{first()}: it looks like {looks}", do)
    elif looks:
        do = f"write plain numbers, or {leave}; {codes}"
        yield Mistake(KEY, expected, f"{first()}: it looks like {looks}", do)
    elif len(words) <= present / 2:
        cells = "1 cell is no number" if len(words) == 1 else f"{len(words)} cells are no numbers"
        missing = f"if it is a missing value, add it to dataset.missing; or mend it, or {leave}"
        yield Mistake(
            KEY,
            f"numbers in column {column.name}",
            f"{first()} ({cells} of {present})",
            f"{missing}; {codes}",
        )
    elif len(column.values[0]) > MOST_LEVELS and not is_text(column):
        do = f"{leave}, or make fewer of it"
        yield Mistake(KEY, expected, f"{len(column.values[0])} different texts ({first()})", do)
    elif present >= ENOUGH and len(column.values[0]) > present / 2:
        different = f"{len(column.values[0])} different texts in {present} rows"
        if is_text(column):
            do = f"dataset=text_csv reads it; or {leave}"
            yield Mistake(KEY, expected, f"{first()}: free text, {different}", do)
        else:
            do = f"{leave}, or read it as it is with dataset.categorical=[{column.name}]"
            yield Mistake(KEY, expected, f"{different} ({first()})", do)


def looks_like(column: Column) -> tuple[str, str]:
    """What the words of a column look like, and the options that read them, if any do."""
    words = _sample(column)
    readings = other_notations(words, column.notation)
    if readings:
        looks = " or ".join(looks for looks, _ in readings)
        return looks, ", or ".join(options for _, options in readings)
    most = column.words.sum() > (~column.missing).sum() / 2
    return kind_of_text(words) if most else "", ""


def _sample(column: Column) -> list[str]:
    """The different ones of the first words of a column."""
    rows = np.flatnonzero(column.words)[:SAMPLE]
    texts: list[str] = column.text.take(rows).unique().to_pylist()
    return texts


def is_text(column: Column) -> bool:
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


def _codes_note(column: Column) -> Iterator[str]:
    """A line where numbers have leading zeros, as codes have."""
    numbers = column.numbers[~column.missing]
    if (numbers != np.round(numbers)).any():  # measurements
        return
    codes = pc.match_substring_regex(column.text, "^0[0-9]+$")
    if pc.any(codes).as_py():
        text = column.at(int(codes.to_numpy(zero_copy_only=False).argmax()))
        reads = f"dataset.categorical=[{column.name}] reads codes"
        yield f"input {column.name}: {text} has a leading zero, and is read as a number; {reads}"
