"""JSON lines as columns of text: an object a line, each value as a CSV file would have it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from tlrun.data.tables.text_file import Rows, no_table, utf8


def read_json_lines(read: Callable[[], bytes], encoding: str, file: Path) -> Rows:
    """The rows of JSON lines; a key that a line does not have is an empty cell there.

    read: gives the bytes of `file`. encoding: of it. Raises UserError, with the line, where a line
    is no object of numbers and texts.
    """
    objects, lines = [], []
    # not splitlines, which ends a line within a text too, at U+2028 for one
    for number, line in enumerate(utf8(read(), encoding, file).decode().split("\n"), start=1):
        if line.strip():
            objects.append(_object(line, number, file))
            lines.append(number)
    header = list(dict.fromkeys(key for each in objects for key in each))
    if not header:
        raise no_table("an object in every line", f"none in {file}")
    columns, numbers = [], []
    for key in header:
        values = [each.get(key) for each in objects]
        for value, number in zip(values, lines, strict=True):
            if isinstance(value, dict | list):
                found = f"{json.dumps(value)[:40]} for {key!r} in line {number} of {file}"
                raise no_table("one number or text a key", found)
        columns.append(pa.array([_as_text(value) for value in values], pa.string()))
        if all(type(value) in (int, float, type(None)) for value in values):
            numbers.append(_as_text(key).strip())
    header = [_as_text(key).strip() for key in header]
    return Rows(header, columns, lambda row: f"line {lines[row]}", frozenset(numbers))


def _object(line: str, number: int, file: Path) -> dict[str, Any]:
    """What stands in a line."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise no_table("JSON in every line", f"{error} in line {number} of {file}") from None
    if not isinstance(found, dict):
        expected = "an object in every line, {…}"
        raise no_table(expected, f"{line.strip()[:40]} in line {number} of {file}")
    return found


def _as_text(value: str | float | bool | None) -> str:  # a value, and no flag
    """A value as a cell: no text for null, or for nan."""
    if value is None or value != value:  # noqa: PLR0124  # nan is not
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    # half of a pair of characters, which JSON can say and UTF-8 cannot
    return str(value).encode(errors="replace").decode()
