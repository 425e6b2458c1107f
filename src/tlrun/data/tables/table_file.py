"""Reads a table from a file into columns of text, once a version of the file.

What kind of file it is, its name says: .gz is unpacked, .parquet and .jsonl have their types turned
into text, anything else is read as separated text. A file that is no table is refused.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tlrun.core.errors import UserError
from tlrun.core.packed import unpacked
from tlrun.core.paths import path_to_read
from tlrun.data.tables.column import Column, Table
from tlrun.data.tables.json_lines import read_json_lines
from tlrun.data.tables.notation import Notation
from tlrun.data.tables.parquet_file import read_parquet
from tlrun.data.tables.text_file import Rows, no_table, read_text

AS_CSV = "save it as CSV"
# Files that hold tables in another way, by the end of their names, and what to do with them.
OTHERS = {
    (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers"): ("a spreadsheet", AS_CSV),
    (".zip", ".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz", ".zst"): ("an archive", "unpack it"),
    (".json",): ("JSON", "save it as CSV, or as JSON lines (.jsonl)"),
    (".sav", ".dta", ".sas7bdat", ".rds", ".rdata"): ("a statistics package's file", AS_CSV),
    (".feather", ".arrow", ".h5", ".hdf5", ".pkl", ".pickle", ".npy", ".npz", ".db", ".sqlite"): (
        "a program's own format",
        "save it as CSV or Parquet",
    ),
}
JSON_LINES = (".jsonl", ".ndjson")
# By their first bytes: what they are, and how their names end where they can be read.
MARKS = {
    b"PAR1": ("a Parquet file", (".parquet", ".pq")),
    b"\x1f\x8b": ("a gzip file", (".gz",)),
    b"PK\x03\x04": ("an archive or a spreadsheet", ()),
}
# what str.strip takes away
SPACES = "".join(filter(str.isspace, map(chr, range(0x3001))))


def read(path: str, separator: str, encoding: str, notation: Notation) -> Table:
    r"""The table in the file at `path`, whose first record names the columns.

    separator: one character, or \t written as two. encoding: a name that Python knows; both are
    for separated text. notation: how it writes numbers and missing values. Raises UserError where
    there is no such file, where it cannot be read or decoded, and where it holds no table: no
    header, no rows, a row with too many or too few cells.
    """
    if not path.strip():
        raise no_table("the path of a CSV file", "nothing", "try dataset.path=table.csv")
    file = path_to_read(path, "dataset.path", "a CSV file").absolute()
    try:
        status = file.stat()
        if file.is_dir():
            raise no_table("a CSV file", f"a folder at {file}", "name a file in it")
        version = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
        return _parsed(file, version, separator.replace(r"\t", "\t"), encoding, notation)
    except FileNotFoundError:
        raise no_table("a CSV file", f"nothing at {file}", "mind the spelling") from None
    except (OSError, ValueError, EOFError, zlib.error) as error:  # ValueError: a NUL in the path
        if isinstance(error, UserError):
            raise
        why = " ".join(str(error).split())
        raise no_table("a CSV file that can be read", f"{file}: {why}") from error


@lru_cache(maxsize=2)
def _parsed(
    file: Path, _version: tuple[int, ...], separator: str, encoding: str, notation: Notation
) -> Table:
    """The table in `file`, which is read again when its times, size or inode have changed."""
    _check_kind(file)
    name = file.name.lower()
    for ends, (what, do) in OTHERS.items():
        if name.endswith(ends):
            raise no_table("a CSV or Parquet file", f"{what} at {file}", do)
    if name.endswith((".parquet", ".pq")):
        rows = read_parquet(file)
    else:
        packed = name.endswith(".gz")

        def content() -> bytes:
            return unpacked(file) if packed else file.read_bytes()

        if name.removesuffix(".gz").endswith(JSON_LINES):
            rows = read_json_lines(content, encoding, file)
        else:
            rows = read_text(content, separator, encoding, file)
    return table_of(rows, notation, str(file))


def table_of(rows: Rows, notation: Notation, name: str, *, keep_empty: bool = False) -> Table:
    """The columns of rows as they were read, each in its notation.

    name: what a message calls the whole. keep_empty: keep rows that hold nothing. Raises UserError
    where two columns have one name, or no row holds anything.
    """
    _check_names(rows.header)
    columns: dict[str, Column] = {}
    texts = [_one_array(pc.utf8_trim(text, SPACES)) for text in rows.columns]
    filled = np.ones(len(texts[0]), dtype=bool) if keep_empty else _filled(texts)
    kept = np.flatnonzero(filled)
    if not len(kept):
        raise no_table("rows below the header", f"empty ones alone in {name}")
    place = rows.place  # alone: the columns as they were read need not be kept
    plain = replace(notation, decimal=".", thousands="")
    for header, text in zip(rows.header, texts, strict=True):
        if header:
            mine = text if len(kept) == len(filled) else text.filter(pa.array(filled))
            used = plain if header in rows.numbers else notation
            typed = header in rows.numbers | rows.flags
            columns[header] = Column(header, mine, used, lambda row: place(int(kept[row])), typed)
    return Table(columns, len(kept), rows.header.count(""), len(filled) - len(kept))


def _filled(texts: Sequence[pa.Array]) -> np.ndarray:
    """Which rows hold anything, bool [N]: spreadsheets leave rows of separators alone."""
    filled = np.zeros(len(texts[0]), dtype=bool)
    for text in texts:
        filled |= pc.not_equal(text, "").to_numpy(zero_copy_only=False)
        if filled.all():
            break
    return filled


def _check_kind(file: Path) -> None:
    """Raise UserError where a file's first bytes are of another kind than its name says."""
    with file.open("rb") as opened:
        first = opened.read(4)
    for mark, (what, ends) in MARKS.items():
        if first.startswith(mark) and not file.name.lower().endswith(ends):
            name = f"a name that ends in {' or '.join(ends)}" if ends else AS_CSV
            raise no_table("separated text", f"{what} at {file}", name)


def _one_array(chunks: pa.ChunkedArray | pa.Array) -> pa.Array:
    """All chunks of a column as one array."""
    if isinstance(chunks, pa.ChunkedArray):
        return chunks.combine_chunks()
    return chunks


def _check_names(header: Sequence[str]) -> None:
    """Raise UserError where two columns have one name."""
    for name, count in Counter(header).items():
        if name and count > 1:
            positions = [str(k) for k, other in enumerate(header, start=1) if other == name]
            expected = "a different name for every column"
            raise no_table(expected, f"{name} as {' and '.join(positions)}")
