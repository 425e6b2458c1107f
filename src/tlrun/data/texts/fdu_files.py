"""The files of FDU-MTL: a line a review, its label (1 or 0), a tab, and the text, in Latin-1."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from tlrun.core.errors import Mistake, UserError
from tlrun.core.paths import path_to_read
from tlrun.data.tables.column import Column, Table
from tlrun.data.tables.notation import Notation
from tlrun.data.texts.archive import files_in
from tlrun.data.texts.text_table import TextTable

ARCHIVES = (".tar", ".tar.xz", ".tar.gz", ".tgz")
SIDES = ("train", "test")
LABELS = {"0": "against", "1": "for"}
WANTED = "the folder of FDU-MTL, or its archive"
HINT = "try dataset.path=fdu-mtl.tar.xz"
MOST = 2**28  # bytes of the files in an archive, twenty times what was published


def files_of(path: str, names: Sequence[str]) -> list[Path]:
    """The archive, or the training and test files of each of `names` in the folder at `path`.

    Raises UserError where there is neither.
    """
    root = path_to_read(path, "dataset.path", WANTED, HINT).absolute()
    if root.name.lower().endswith(ARCHIVES) and root.is_file():
        return [root]
    files = [root / f"{name}.task.{side}" for name in names for side in SIDES]
    absent = [file for file in files if not file.is_file()]
    if absent:
        what = f"no {absent[0].name} in it" if root.is_dir() else "nothing there"
        what = "it is no tar archive" if root.is_file() else what
        raise _missing(f"{root}, and {what}")
    return files


def reviews(path: str, names: Sequence[str]) -> TextTable:
    """The reviews of the domains in `names`: columns label, text, domain and split.

    Raises UserError where a file is not there, or a line is no review.
    """
    cells: dict[str, list[str]] = {key: [] for key in ("label", "text", "domain", "split")}
    places: list[tuple[str, int]] = []
    empty = 0
    for file, content in _contents(files_of(path, names), names):
        domain, _, side = file.partition(".task.")
        before = len(places)
        for number, line in enumerate(content.decode("latin-1").split("\n"), start=1):
            if not line.strip():
                continue
            label, tab, text = line.partition("\t")
            if label.strip() in LABELS and tab and not text.strip():  # there is one as published
                empty += 1
                continue
            if not tab or label.strip() not in LABELS:
                found = f"{line[:40]!r} in line {number} of {file}"
                raise UserError(Mistake("dataset.path", "1 or 0, a tab and a review", found))
            row = (LABELS[label.strip()], " ".join(text.split()), domain, side)
            for key, cell in zip(cells, row, strict=True):
                cells[key].append(cell)
            places.append((file, number))
        if len(places) == before:  # else the domain would be missing without a word
            raise UserError(Mistake("dataset.path", f"reviews in {file}", "none"))

    def place(row: int) -> str:
        file, number = places[row]
        return f"line {number} of {file}"

    columns = {}
    for key, column in cells.items():
        columns[key] = Column(key, pa.array(column, pa.string()), Notation(), place)
    table = Table(columns, len(places), 0)
    notes = (f"reviews without a word, skipped: {empty}",) if empty else ()
    return TextTable(table, columns["text"], ("text",), "domain", notes)


def _contents(files: Sequence[Path], names: Sequence[str]) -> Iterator[tuple[str, bytes]]:
    """The name and the content of the training and test files of each of `names`."""
    wanted = [f"{name}.task.{side}" for name in names for side in SIDES]
    if len(files) > 1:
        for file in files:
            yield file.name, file.read_bytes()
        return
    found = {}
    for path, content in files_in(files[0], tuple(f".task.{side}" for side in SIDES), MOST):
        found[Path(path).name] = content
    for name in wanted:
        if name not in found:
            hint = "dataset.domains=[dvd] reads one alone"
            raise _missing(f"{files[0]}, and no {name} in it", hint)
        yield name, found[name]


def _missing(found: str, hint: str = "") -> UserError:
    return UserError(Mistake("dataset.path", WANTED, found, hint or HINT))
