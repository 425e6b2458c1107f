"""A table of texts: read from a file, or from a folder with a file a domain."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tlrun.core.errors import Mistake, UserError
from tlrun.core.paths import path_to_read
from tlrun.data.load_report import few
from tlrun.data.tables.column import Column, Table, as_written
from tlrun.data.tables.table_file import read
from tlrun.data.texts.options import FILE, TextOptions

ENDINGS = (".csv", ".tsv", ".tab", ".txt", ".jsonl", ".ndjson", ".parquet", ".pq")
WANTED = "a CSV or JSON lines file of texts, or a folder of them"
HINT = "try dataset.path=reviews.csv"
WORDS = 2  # in a cell, on average, from which on a column is text that one reads
# Letters of Chinese, Japanese and Thai, which are written without spaces; a word has about two.
UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff]")
BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
SAMPLE = 1000  # rows in which words are counted


class TextTable(NamedTuple):
    """A table and the column of its texts, none of them empty.

    made_of: the names of the columns that the text was put together from. task: the column that
    says which domain a row is of. notes: lines for the user. in_line: whether each text was made
    one line (`in_one_line`).
    """

    table: Table
    text: Column
    made_of: tuple[str, ...]
    task: str | None
    notes: tuple[str, ...]
    in_line: bool = False


def files_of(path: str) -> list[Path]:
    """The file at `path`, or those in the folder there. Raises UserError where there is none."""
    if not path.strip():
        raise _no_file("nothing")
    root = path_to_read(path, "dataset.path", WANTED, HINT).absolute()
    if not root.is_dir():
        return [root]
    files = [one for one in sorted(root.iterdir()) if _is_table(one)]
    if not files:
        raise _no_file(f"none in the folder {root}")
    return files


def text_table(options: TextOptions) -> TextTable:
    """The table of the options, its text found or put together.

    Raises UserError where there is no table, no column of text, or a row without a text that is
    not to be skipped.
    """
    files = files_of(options.path)
    in_folder = path_to_read(options.path, "dataset.path").is_dir()
    notation = options.rows("", FILE).notation
    tables = [read(str(f), options.separator_of(f), options.encoding, notation) for f in files]
    task = None if options.task is None else str(options.task)
    if in_folder:
        table = _together(files, tables)
        task = FILE if task is None else task
    else:
        table = tables[0]
    names, notes = _named(table, options)
    text = text_of(table, names)
    left, text, skipped = _without_empty(table, text, options.empty)
    gone = _files_of(table) - _files_of(left)
    if gone or not left.rows:
        where = f"in {few(sorted(gone))}" if gone else "at all"
        raise UserError(Mistake("dataset.text", "a text in every domain", f"none {where}"))
    return TextTable(left, text, names, task, (*notes, *skipped))


def _files_of(table: Table) -> set[str]:
    """The files that its rows are of, where it is a folder's."""
    column = table.columns.get(FILE)
    return set() if column is None else set(column.text.unique().to_pylist())


def _is_table(file: Path) -> bool:
    name = file.name.lower().removesuffix(".gz")
    return file.is_file() and not name.startswith(".") and name.endswith(ENDINGS)


def _domain_of(file: Path) -> str:
    """What the domain of a file is called: as the file, without its ending."""
    name = file.name[:-3] if file.name.lower().endswith(".gz") else file.name
    return Path(name).stem


def _together(files: Sequence[Path], tables: Sequence[Table]) -> Table:
    """The rows of several tables, and a column that says which file each is of."""
    names = list(tables[0].columns)
    twice = [name for name, n in Counter(map(_domain_of, files)).items() if n > 1]
    if twice:
        raise _no_file(f"two files called {twice[0]} in {files[0].parent}", "rename one")
    for file, table in zip(files, tables, strict=True):
        if set(table.columns) != set(names):
            apart = sorted(set(table.columns) ^ set(names))
            found = f"{few(apart)} in one of {files[0].name} and {file.name} alone"
            raise _no_file(found, "give all files the same columns", "files of the same columns")
    if FILE in names:
        raise _no_file(f"a column {FILE}", "rename it", "files without a column of that name")
    starts = np.cumsum([0, *(table.rows for table in tables)])

    def place_in(name: str) -> Callable[[int], str]:
        def place(row: int) -> str:
            which = int(np.searchsorted(starts, row, side="right")) - 1
            there = tables[which].columns[name].place(row - int(starts[which]))
            return f"{there} of {files[which].name}"

        return place

    columns = {}
    for name in names:
        parts = [table.columns[name] for table in tables]
        text = pa.concat_arrays([part.text for part in parts])
        columns[name] = replace(parts[0], text=text, place=place_in(name))
    domains: list[str] = []
    for file, table in zip(files, tables, strict=True):
        domains += [_domain_of(file)] * table.rows
    first = columns[names[0]]
    columns[FILE] = replace(first, name=FILE, text=pa.array(domains, pa.string()))
    return Table(columns, int(starts[-1]), max(table.unnamed for table in tables))


def _named(table: Table, options: TextOptions) -> tuple[tuple[str, ...], Sequence[str]]:
    """The names of the columns that hold the text, and what is told of them."""
    task = FILE if options.task is None else options.task
    used = options.rows("" if options.text is None else options.text, task).named()
    if options.text is not None:
        names = tuple(table.column(name, "dataset.text").name for name in used["inputs"])
    else:
        taken = {as_written(n, list(table.columns)) for each in used.values() for n in each}
        free = {name: _words(c) for name, c in table.columns.items() if name not in taken}
        best = max(free, key=lambda name: free[name], default="")
        if not best or free[best] < WORDS:
            found = f"{best}, with {free[best]:.1f} words a row" if best else "none that is free"
            hint = "try dataset.text=COLUMN"
            raise UserError(Mistake("dataset.text", "a column of texts", found, hint))
        names = (best,)
    what = " and ".join(names)
    return names, [f"text: {what}{'' if options.text else ', the column with the most words'}"]


def _words(column: Column) -> float:
    """How many words a cell has, on average over some."""
    cells = column.text.slice(0, SAMPLE).to_pylist()
    words = sum(len(cell.split()) + len(UNSPACED.findall(cell)) / 2 for cell in cells)
    return words / max(1, len(cells))


def in_one_line(text: str) -> str:
    """A text of a web page without its line breaks, each run of spaces being one."""
    return " ".join(BREAK.sub(" ", text).split())


def text_of(table: Table, names: Sequence[str]) -> Column:
    """The text of every row: of one column, or of several, those that are not empty."""
    columns = [table.columns[name] for name in names]
    if len(columns) == 1:
        return columns[0]
    cells = [pc.if_else(pa.array(c.missing), "", c.text).to_pylist() for c in columns]
    joined = ["\n".join(filter(None, row)) for row in zip(*cells, strict=True)]
    return replace(columns[0], name=" and ".join(names), text=pa.array(joined, pa.string()))


def _without_empty(table: Table, text: Column, empty: str) -> tuple[Table, Column, Sequence[str]]:
    """The rows that have a text, and what is told of the others."""
    missing = text.missing
    count = int(missing.sum())
    if not count:
        return table, text, ()
    first = int(missing.argmax())
    if empty == "refuse":
        more = f" and {count - 1} more rows" if count > 1 else ""
        expected = f"a text in every row of {text.name}"
        found = (
            f"{text.at(first)}{more}"
            if text.text[first].as_py()
            else f"none in {text.place(first)}{more}"
        )
        raise UserError(Mistake("dataset.text", expected, found, "try dataset.empty=skip"))
    kept = np.flatnonzero(~missing)
    columns = {name: _only(column, kept) for name, column in table.columns.items()}
    told = f"rows without a text, skipped: {count}, the first in {text.place(first)}"
    return Table(columns, len(kept), table.unnamed), _only(text, kept), (told,)


def _only(column: Column, rows: np.ndarray) -> Column:
    """The cells in some rows."""
    place = column.place
    taken = column.text.take(pa.array(rows))
    return replace(column, text=taken, place=lambda row: place(int(rows[row])))


def _no_file(found: str, hint: str = HINT, expected: str = WANTED) -> UserError:
    return UserError(Mistake("dataset.path", expected, found, hint))
