"""Reads a CSV file into columns, once a version of the file.

A file that is no table is refused with the line at fault.
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
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")  # the first two bytes of most UTF-16 files


def read(path: str, separator: str, encoding: str) -> Table:
    r"""The table in the file at `path`, whose first record names the columns.

    separator: one character, or \t written as two. encoding: a name that Python knows.
    Raises UserError where there is no such file, where it cannot be read or decoded, and where it
    holds no table: no header, no rows, a row with too many or too few cells.
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
        version = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        return _parsed(file, version, separator.replace(r"\t", "\t"), encoding)
    except FileNotFoundError:
        raise _no_table("a CSV file", f"nothing at {file}", "mind the spelling") from None
    except (OSError, ValueError) as error:  # ValueError: a path that holds a NUL
        if isinstance(error, UserError):
            raise
        raise _no_table("a CSV file that can be read", f"{file}: {error}") from error


@lru_cache(maxsize=4)
def _parsed(file: Path, _version: tuple[int, ...], separator: str, encoding: str) -> Table:
    """The table in `file`, which is read again when its times, size or inode have changed."""
    text = _decoded(file.read_bytes(), encoding, file)
    records = _records(text, separator, file)
    _, header = next(records, (0, []))
    _check_header(header, text, separator, file)
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
    columns = {}
    for name, column in zip(header, zip(*rows, strict=True), strict=True):
        if name:
            columns[name] = _column(name, column, numbers)
    return Table(columns, len(rows), header.count(""))


def _decoded(raw: bytes, encoding: str, file: Path) -> str:
    """The text of a file, without a byte order mark."""
    try:
        codec = codecs.lookup(encoding).name
        text = raw.decode("utf-8-sig" if codec == "utf-8" else codec)
    except UnicodeDecodeError as error:
        raise UserError(
            Mistake(
                "dataset.encoding",
                expected=f"{file} in {encoding}",
                found=f"byte 0x{raw[error.start]:02x} at position {error.start}",
                hint=f"try dataset.encoding={_other_encoding(codec, raw)}",
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


def _other_encoding(codec: str, raw: bytes) -> str:
    """What bytes may be written in that `codec` cannot decode."""
    if codec != "utf-8":
        return "utf-8"
    return "utf-16" if raw[:2] in UTF16_MARKS else "latin-1"


def _records(text: str, separator: str, file: Path) -> Iterator[tuple[int, list[str]]]:
    """The line in which each record starts, and its cells without the spaces around them.

    Blank records are left out.
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


def _check_header(header: Sequence[str], text: str, separator: str, file: Path) -> None:
    """Raise UserError where no column, or only one by mistake, is named, or two have one name."""
    if not any(header):
        raise _no_table("a CSV file with a header", f"an empty one at {file}")
    if len(header) == 1:
        _check_separator(text, separator, file)
    for name, count in Counter(header).items():
        if name and count > 1:
            positions = [str(k) for k, other in enumerate(header, start=1) if other == name]
            expected = "a different name for every column"
            raise _no_table(expected, f"{name} as {' and '.join(positions)}")


def _check_separator(text: str, separator: str, file: Path) -> None:
    """Raise UserError where a text of one column holds another of the usual separators."""
    for other, spelling in SEPARATORS.items():
        if other != separator and other in text:
            raise UserError(
                Mistake(
                    "dataset.separator",
                    expected=f"what stands between the columns of {file}",
                    found=f"{shown(separator)}, which its header does not have",
                    hint=f"try \"dataset.separator='{spelling}'\"",
                )
            )


def _no_table(expected: str, found: str, hint: str = "") -> UserError:
    """The file at `dataset.path` is no table that can be read."""
    return UserError(Mistake("dataset.path", expected, found, hint))


def _column(name: str, raw_cells: Sequence[str], lines: np.ndarray) -> Column:
    cells, numbers, words = [], [], []
    for raw in raw_cells:
        cell = "" if raw.lower() in MISSING else raw
        number = _number(cell)
        cells.append(cell)
        numbers.append(math.nan if number is None else number)
        words.append(number is None)
    return Column(
        name,
        tuple(cells),
        _frozen(np.array(numbers, dtype=np.float64)),
        _frozen(np.array(words, dtype=bool)),
        lines,
    )


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
