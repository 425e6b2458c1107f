"""A user's graph of tasks: how strongly each pair is tied, in a config or in a CSV file."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from tlrun.core.errors import Mistake, UserError, nearest
from tlrun.core.paths import path_to_read
from tlrun.core.task import TaskKey

Table = tuple[tuple[float | str, ...], ...]
Adjacency = list[list[float]]
KEY, WANTED = "strategy.graph", "a CSV file (UTF-8)"


def read_graph(path: str) -> Table:
    """The table in the CSV file at `path`. Raises UserError where there is none that can be read.

    A command builds its strategy many times; a file that has not changed since is read once.
    """
    file = path_to_read(path, KEY, WANTED)
    try:
        status = file.stat()
    except OSError:
        return _read(file)  # which says why it cannot be read
    return _read_once(file, (status.st_ino, status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=16)
def _read_once(path: Path, version: tuple[int, int, int]) -> Table:  # noqa: ARG001  # a key
    """The table at `path` in a `version` of the file: its inode, last change in ns, and bytes."""
    return _read(path)


def _read(path: Path) -> Table:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, ValueError, csv.Error) as error:  # ValueError: no UTF-8
        told = error.strerror if isinstance(error, OSError) else error
        raise UserError(Mistake(KEY, expected=WANTED, found=f"{path}: {told}")) from None
    if not rows:
        raise UserError(Mistake(KEY, expected="a table of tasks", found=f"nothing in {path}"))
    _check_separator(path, rows)
    if isinstance(_cell(rows[0][0]), float):
        return tuple(tuple(_cell(cell) for cell in row) for row in rows)
    above, *below = rows  # names, which may be numbers
    return (tuple(above), *((row[0].strip(), *(_cell(cell) for cell in row[1:])) for row in below))


def _check_separator(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Raise UserError where every row is one cell that holds another of the usual separators."""
    if any(len(row) > 1 for row in rows):
        return
    for other in (";", "\t", "|"):
        if other in rows[0][0]:
            raise UserError(
                Mistake(
                    KEY,
                    expected=f"commas between the cells of {path}",
                    found=repr(other),
                    hint="write it with commas",
                )
            )


def adjacency(table: Table, names: Mapping[TaskKey, str]) -> Adjacency:
    """A [T][T], symmetric, A_st ≥ 0 how strongly s and t are tied, in the order of the tasks.

    names: of each task its short name; a table with names in its first row and column may use
    either that or the text of its key, in any order, and its first cell is then a text, such as an
    empty one.
    Raises UserError for a table that is not square, symmetric, or about these tasks.
    """
    order = list(range(len(names)))
    rows: Sequence[Sequence[float | str]] = table
    if rows and rows[0] and isinstance(rows[0][0], str):
        header, rows = [f"{cell}".strip() for cell in rows[0][1:]], rows[1:]
        sides = [f"{row[0]}" for row in rows]
        if header != sides:
            raise UserError(
                Mistake(
                    KEY,
                    expected="the same names above and before",
                    found=f"{header} and {sides}",
                )
            )
        order = [_place(key, short, header) for key, short in names.items()]
        rows = [row[1:] for row in rows]
    if len(rows) != len(names) or any(len(row) != len(names) for row in rows):
        told = ", ".join(names.values())
        raise UserError(
            Mistake(
                KEY,
                expected=f"{len(names)} rows of {len(names)} numbers ({told})",
                found=_shape(rows),
            )
        )
    numbers = [[_number(cell) for cell in row] for row in rows]
    ordered = [[numbers[s][t] for t in order] for s in order]
    short = list(names.values())
    for s in range(len(short)):
        for t in range(s):
            if ordered[s][t] != ordered[t][s]:
                raise UserError(
                    Mistake(
                        KEY,
                        expected="a symmetric table",
                        found=f"{ordered[s][t]:g} from {short[s]} to {short[t]} and "
                        f"{ordered[t][s]:g} back",
                        hint="what one task teaches another is {node}=task_transfer",
                    )
                )
        ordered[s][s] = 0.0  # no task is tied to itself
    return ordered


def connected(A: Adjacency) -> bool:
    """Whether every task can be reached from the first."""
    seen, new = {0}, [0]
    while new:
        here = new.pop()
        for there, weight in enumerate(A[here]):
            if weight > 0 and there not in seen:
                seen.add(there)
                new.append(there)
    return len(seen) == len(A)


def _cell(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text.strip()


def _place(key: TaskKey, short: str, header: Sequence[str]) -> int:
    for name in (short, str(key)):
        if name in header:
            return header.index(name)
    raise UserError(
        Mistake(
            KEY,
            expected=f"the task {short}",
            found="none of that name",
            hint=nearest(short, header),
        )
    )


def _number(cell: float | str) -> float:
    if isinstance(cell, str) or not (math.isfinite(cell) and cell >= 0):
        raise UserError(Mistake(KEY, expected="numbers of 0 or more", found=f"{cell!r}"))
    return float(cell)


def _shape(rows: Sequence[Sequence[object]]) -> str:
    widths = sorted({len(row) for row in rows})
    return f"{len(rows)} rows of {' to '.join(map(str, widths[:1] + widths[1:][-1:])) or 'no'}"
