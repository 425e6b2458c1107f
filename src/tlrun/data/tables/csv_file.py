"""Reads a CSV file into columns; refuses one that is no table, naming the line. A file is parsed
once per change.
"""

from __future__ import annotations

import codecs
import csv
import io
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.data.tables.column import Column, Table, shown

MISSING = {"", "nan"}  # in lower case
# the usual ones, and how the option spells them
SEPARATORS = {",": ",", ";": ";", "\t": r"\t", "|": "|"}


def read(path: str, separator: str, encoding: str) -> Table:
    r"""The table in the file at `path`. separator: one character, or \t written as two.

    Raises UserError where there is no such file, or no table in it.
    """
    if not path.strip():
        raise _no_table("the path of a CSV file", "nothing", "try dataset.path=table.csv")
    try:
        file = Path(path).expanduser().absolute()
    except RuntimeError as error:  # the ~ of nobody
        raise _no_table("a CSV file", f"{path}: {error}") from None
    try:
        status = file.stat()
        if file.is_dir():
            raise _no_table("a CSV file", f"a folder at {file}", "name a file in it")
        return _parsed(
            file, status.st_mtime_ns, status.st_size, separator.replace(r"\t", "\t"), encoding
        )
    except FileNotFoundError:
        raise _no_table("a CSV file", f"nothing at {file}", "mind the spelling") from None
    except (OSError, ValueError) as error:  # ValueError: a path that holds a NUL
        if isinstance(error, UserError):
            raise
        raise _no_table("a CSV file that can be read", f"{file}: {error}") from error


@lru_cache(maxsize=4)
def _parsed(file: Path, _mtime_ns: int, _size: int, separator: str, encoding: str) -> Table:
    """The table in `file`, which is read again when its time or size has changed."""
    text = _decoded(file.read_bytes(), encoding, file)
    records = _records(text, separator, file)
    _, header = next(records, (0, []))
    if not any(header):
        raise _no_table("a CSV file with a header", f"an empty one at {file}")
    if len(header) == 1 and (
        other := next((c for c in SEPARATORS if c != separator and c in text), None)
    ):
        raise UserError(
            Mistake(
                "dataset.separator",
                expected=f"what stands between the columns of {file}",
                found=f"{shown(separator)}, which its header does not have",
                hint=f"try \"dataset.separator='{SEPARATORS[other]}'\"",
            )
        )
    if twice := [name for name, count in Counter(header).items() if name and count > 1]:
        places = [place + 1 for place, name in enumerate(header) if name == twice[0]]
        where = " and ".join(map(str, places))
        raise _no_table("a different name for every column", f"{twice[0]} as {where}")
    lines, rows = [], []
    for line, cells in records:
        if len(cells) != len(header):
            raise _no_table(
                f"{len(header)} cells in every row of {file}, as in its header",
                f"{len(cells)} in line {line}",
                "mind dataset.separator and quotes",
            )
        lines.append(line)
        rows.append(cells)
    if not rows:
        raise _no_table("rows below the header", f"none in {file}")
    numbers = _frozen(np.array(lines, dtype=np.int64))
    named = zip(header, zip(*rows, strict=True), strict=True)
    columns = {name: _column(name, cells, numbers) for name, cells in named if name}
    return Table(columns, len(rows), header.count(""))


def _decoded(raw: bytes, encoding: str, file: Path) -> str:
    """The text of a file, without a byte order mark."""
    try:
        codec = codecs.lookup(encoding).name
        text = raw.decode("utf-8-sig" if codec == "utf-8" else codec)
    except UnicodeDecodeError as error:
        other = (
            "utf-8"
            if codec != "utf-8"
            else "utf-16"
            if raw[:2] in (b"\xff\xfe", b"\xfe\xff")
            else "latin-1"
        )
        raise UserError(
            Mistake(
                "dataset.encoding",
                expected=f"{file} in {encoding}",
                found=f"byte 0x{raw[error.start]:02x} at position {error.start}",
                hint=f"try dataset.encoding={other}",
            )
        ) from error
    except (LookupError, ValueError) as error:
        raise UserError(
            Mistake(
                "dataset.encoding",
                expected="an encoding that Python knows",
                found=shown(encoding),
                hint="try dataset.encoding=utf-8",
            )
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise _no_table("text", f"a NUL byte in line {line} of {file}", "is it a CSV file?")
    return text.removeprefix("\ufeff")


def _records(text: str, separator: str, file: Path) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not blank, with the line it starts in; cells without the spaces around
    them.
    """
    lines = io.StringIO(text, newline="")
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=separator != " ", strict=True)
    line = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if len(stripped) > 1 or any(stripped):
                yield line, stripped
            line = reader.line_num + 1
    except csv.Error as error:
        raise _no_table("a CSV file", f"{error} in line {line} of {file}") from error


def _no_table(expected: str, found: str, hint: str = "") -> UserError:
    """The file at `dataset.path` is no table that can be read."""
    return UserError(Mistake("dataset.path", expected, found, hint))


def _column(name: str, cells: Sequence[str], lines: np.ndarray) -> Column:
    there = tuple("" if cell.lower() in MISSING else cell for cell in cells)
    found = [_number(cell) for cell in there]
    words = np.array([number is None for number in found], dtype=bool)
    numbers = np.array([math.nan if number is None else number for number in found])
    return Column(name, there, _frozen(numbers), _frozen(words), lines)


def _number(cell: str) -> float | None:
    """The number in a cell; nan where it is missing, None where it is text."""
    if not cell:
        return math.nan
    try:
        return None if "_" in cell else float(cell)  # Python would read 1_000 as a number
    except ValueError:
        return None


def _frozen(array: np.ndarray) -> np.ndarray:
    """`array`, made read-only: the table is kept for the next who reads it."""
    array.flags.writeable = False
    return array
