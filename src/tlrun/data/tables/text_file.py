"""Separated text, as in a CSV file, as columns of text.

Two readers give the same columns of any text, which a test holds them to: Arrow's reads plain text
fast; Python's reads quotes within quotes, and finds the line at fault.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv as arrow_csv

from tlrun.core.errors import Mistake, UserError
from tlrun.data.tables.column import shown

# the usual ones, and how the option spells them
SEPARATORS = {",": ",", ";": ";", "\t": r"\t", "|": "|"}
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")  # the first two bytes of most UTF-16 files
MOST_COLUMNS = 100_000  # a header beyond them is read for minutes
QUOTE, BLOCK = ord('"'), 2**24


@dataclass(frozen=True)
class Rows:
    """A file as text. header: a name a column. columns: string arrays [N], in its order.

    place: where in the file the k-th of the N rows stands, for a message. numbers: the columns that
    the file itself knows to be numbers, whatever notation its text would have. flags: those that it
    knows to be true or false.
    """

    header: list[str]
    columns: list[pa.Array | pa.ChunkedArray]
    place: Callable[[int], str]
    numbers: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()


def read_text(read: Callable[[], bytes], separator: str, encoding: str, file: Path) -> Rows:
    """The rows of separated text. Raises UserError where it is no table.

    read: gives the bytes of `file`; once more where the line of a row is asked for, so that they
    need not be kept.
    """
    text = utf8(read(), encoding, file)
    header, start = _header(text, separator, file)
    if len(header) > MOST_COLUMNS:
        raise no_table(f"at most {MOST_COLUMNS:,} columns in {file}", f"{len(header):,}")

    def place(row: int) -> str:
        again = _records(utf8(read(), encoding, file), separator, file)
        for number, (line, _) in enumerate(again, start=-1):
            if number == row:
                return f"line {line}"
        return f"row {row + 1}"

    body = memoryview(text)[start:]
    if len(header) > 1 and _plain(body, separator):
        columns = _by_arrow(body, separator, len(header))
        if columns is not None:
            return Rows(header, columns, place)
    return Rows(header, _by_python(text, separator, file, len(header)), place)


def _by_arrow(body: memoryview, separator: str, width: int) -> list[pa.ChunkedArray] | None:
    """The columns of records without a header; None where Arrow finds them to be no table."""
    names = [str(k) for k in range(width)]
    try:
        table = arrow_csv.read_csv(
            pa.py_buffer(body),
            arrow_csv.ReadOptions(use_threads=False, column_names=names, block_size=BLOCK),
            arrow_csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid:
        return None
    return table.columns if table.num_rows else None


def _by_python(text: bytes, separator: str, file: Path, width: int) -> list[pa.Array]:
    """The columns of any table. Raises UserError where it is none."""
    rows = []
    records = _records(text, separator, file)
    next(records)  # the header
    for line, cells in records:
        if len(cells) != width:
            raise no_table(
                f"{width} cells in every row of {file}, as in its header",
                f"{len(cells)} in line {line}",
                "mind dataset.separator and quotes",
            )
        rows.append(cells)
    if not rows:
        raise no_table("rows below the header", f"none in {file}")
    return [pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)]


def _plain(body: memoryview, separator: str) -> bool:
    """Whether Arrow reads a text as Python does: nothing in quotes but whole cells.

    Quotes stand in pairs, the first behind a separator or a line's end, the second before one.
    """
    if not len(body) or len(separator.encode()) > 1:
        return False
    data = np.frombuffer(body, dtype=np.uint8)
    found = [np.flatnonzero(data[k : k + BLOCK] == QUOTE) + k for k in range(0, len(data), BLOCK)]
    quotes = np.concatenate(found)
    if len(quotes) % 2:
        return False
    borders = np.frombuffer(f"{separator}\r\n".encode(), dtype=np.uint8)
    opening, closing = quotes[::2], quotes[1::2]
    inner, last = opening[opening > 0], closing[closing < len(data) - 1]
    return bool(np.isin(data[inner - 1], borders).all() and np.isin(data[last + 1], borders).all())


def utf8(raw: bytes, encoding: str, file: Path) -> bytes:
    """A file's text in UTF-8, without a byte order mark. Raises UserError where it is no text."""
    try:
        codec = codecs.lookup(encoding).name
        if codec == "utf-8":
            text = raw.removeprefix(codecs.BOM_UTF8)
            if not text.isascii():
                text.decode()
        else:
            text = raw.decode(codec).removeprefix("\ufeff").encode()
    except UnicodeDecodeError as error:
        # of the file, with its mark
        start = error.start + len(raw) - len(error.object) if codec == "utf-8" else error.start
        raise UserError(
            Mistake(
                "dataset.encoding",
                expected=f"{file} in {encoding}",
                found=f"byte 0x{raw[start]:02x} at position {start}",
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
    if b"\0" in text:
        line = text.count(b"\n", 0, text.index(b"\0")) + 1
        raise no_table("text", f"a NUL byte in line {line} of {file}", "is it a CSV file?")
    return text


def _other_encoding(codec: str, raw: bytes) -> str:
    """What bytes may be written in that `codec` cannot decode."""
    if codec != "utf-8":
        return "utf-8"
    return "utf-16" if raw[:2] in UTF16_MARKS else "latin-1"


def _header(text: bytes, separator: str, file: Path) -> tuple[list[str], int]:
    """The names of the columns, and where in `text` the records below them begin.

    Raises UserError where no column, or only one by mistake, is named.
    """
    lines = _Lines(text)
    _, header = next(_read(lines, separator, file), (0, []))
    if not any(header):
        raise no_table("a CSV file with a header", f"an empty one at {file}")
    if re.fullmatch("sep=.?", header[0], re.IGNORECASE) and not any(header[1:]):
        expected = f"the names of the columns in line 1 of {file}"
        raise no_table(expected, "a word for Excel, sep=", "delete that line")
    if len(header) == 1:
        _check_separator(text, separator, file)
    return header, lines.position


class _Lines:
    """The lines of a text in UTF-8, one by one, each with its end.

    position: of the byte after the last line that was taken.
    """

    def __init__(self, text: bytes) -> None:
        self._lines = io.TextIOWrapper(io.BytesIO(text), encoding="utf-8", newline="")
        self.position = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._lines.readline()
        if not line:
            raise StopIteration
        self.position += len(line.encode())
        return line


def _records(text: bytes, separator: str, file: Path) -> Iterator[tuple[int, list[str]]]:
    """Every record of a text, the header first, as `_read` gives them."""
    return _read(io.TextIOWrapper(io.BytesIO(text), encoding="utf-8", newline=""), separator, file)


def _read(lines: Iterator[str], separator: str, file: Path) -> Iterator[tuple[int, list[str]]]:
    """The line in which each record starts, and its cells without the spaces around them.

    Blank records are left out.
    """
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=separator != " ", strict=True)
    line = 1
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if len(stripped) > 1 or any(stripped):
                yield line, stripped
            line = reader.line_num + 1
    except csv.Error as error:
        raise no_table("a CSV file", f"{error} in line {line} of {file}") from error


def _check_separator(text: bytes, separator: str, file: Path) -> None:
    """Raise UserError where a text of one column holds another of the usual separators."""
    for other, spelling in SEPARATORS.items():
        if other != separator and other.encode() in text:
            raise UserError(
                Mistake(
                    "dataset.separator",
                    expected=f"what stands between the columns of {file}",
                    found=f"{shown(separator)}, which its header does not have",
                    hint=f"try \"dataset.separator='{spelling}'\"",
                )
            )


def no_table(expected: str, found: str, hint: str = "") -> UserError:
    """The file at `dataset.path` is no table that can be read."""
    return UserError(Mistake("dataset.path", expected, found, hint))
