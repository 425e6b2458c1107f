"""A table in a CSV file: one task or many, several columns to predict or one in many domains."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tlrun.core.errors import Mistake, UserError
from tlrun.core.problem import Domain, Problem, Split
from tlrun.data.assembly import Part, assemble
from tlrun.data.tables.options import TableOptions

if TYPE_CHECKING:
    import numpy as np

    from tlrun.data.tables.column_roles import Columns
    from tlrun.data.tables.splits import Splits

FEW = 6  # inputs with missing numbers that are named one by one


@dataclass(frozen=True)
class TableCsv(TableOptions):
    """The problem of `dataset=table_csv`; its options are those of every table."""

    def files(self) -> Sequence[Path]:
        """The table. Raises RuntimeError for the ~ of nobody."""
        return [Path(self.path).expanduser().absolute()]

    def load(self, seed: int) -> Problem:
        """The problem as `seed` draws its labels.

        Raises UserError where there is no table at `path`, where it does not have what the options
        name, and where there is too little to train or test on.
        """
        from tlrun.data.tables.column_roles import columns
        from tlrun.data.tables.csv_file import read
        from tlrun.data.tables.encoding import inputs, labels, repeated
        from tlrun.data.tables.splits import split_rows

        table = columns(read(self.path, self.separator, self.encoding), self)
        splits = split_rows(table, self, seed)
        values = inputs(table, splits.train)
        labels_by_task = {}
        for target, labelled in zip(table.targets, splits.labelled, strict=True):
            labels_by_task[target.task.name] = labels(target, splits.train & labelled)
        encoded = _Encoded(values, labels_by_task)
        twice = repeated(table, splits.test, splits.pool)
        test = splits.test
        if self.duplicates == "drop":
            test = splits.test & ~twice
        counts = _duplicates_by_domain(table, twice, test)
        notes = [*_duplicates_note(counts, self.duplicates), *table.notes, *_unused_notes(table)]
        positions = range(len(table.domains))
        parts = [_part(table, splits, position, test, encoded) for position in positions]
        # Duplicates are known by their cells: scaled by what one seed saw, other rows would be
        # equal for every seed.
        problem = assemble(parts, notes, duplicates="seen to")
        rows = _reported(problem.report["splits"], table, splits)
        report = {**problem.report, "splits": rows, "duplicates": counts}
        return dataclasses.replace(problem, report=report)


@dataclass(frozen=True)
class _Encoded:
    """Every row of a table as a network sees it: inputs [N, d], and labels [N] by task."""

    inputs: np.ndarray
    labels: Mapping[str, np.ndarray]


def _part(
    table: Columns, splits: Splits, position: int, test: np.ndarray, encoded: _Encoded
) -> Part:
    """The domain at `position`. test: the rows that test, bool [N]."""
    from tlrun.data.tables.encoding import rows_digest

    name, role = table.domains[position]
    here = table.domain == position
    train = _split(table, splits.train & here, encoded, splits.labelled)
    val = _split(table, splits.val & here, encoded, splits.labelled)
    tested = _split(table, test & here, encoded, [target.present for target in table.targets])
    tasks = tuple(target.task for target in table.targets)
    return Part(
        Domain(name, role, tasks, train, val if len(val) else None),
        tested,
        encoded.inputs[splits.pool & here],
        rows_digest(table, table.used & here),
    )


def _split(
    table: Columns, chosen: np.ndarray, encoded: _Encoded, labelled: Sequence[np.ndarray]
) -> Split:
    """The rows in `chosen`, bool [N], as a split.

    labelled: per task, bool [N], the labels that are kept; all others become missing.
    """
    import numpy as np

    rows = np.flatnonzero(chosen)
    labels = {}
    for target, mine in zip(table.targets, labelled, strict=True):
        values = encoded.labels[target.task.name]
        missing = -1 if values.dtype.kind == "i" else np.nan
        labels[target.task.name] = np.where(mine, values, missing)[rows].astype(values.dtype)
    return Split(encoded.inputs[rows], labels, rows.astype(np.int64))


def _reported(
    rows: Sequence[Mapping[str, Any]], table: Columns, splits: Splits
) -> list[dict[str, Any]]:
    """The rows of the load report, with missing labels told from those that were not drawn."""
    learning = {"train": splits.train, "val": splits.val}
    names = [name for name, _ in table.domains]
    absent = {target.task.name: ~target.present for target in table.targets}
    reported = []
    for row in rows:
        counted = dict(row)
        if row["split"] in learning:
            here = learning[row["split"]] & (table.domain == names.index(row["domain"]))
            counted["missing"] = int((here & absent[row["task"]]).sum())
            counted["not bought"] = row["missing"] - counted["missing"]
        reported.append(counted)
    return reported


def _duplicates_by_domain(table: Columns, twice: np.ndarray, test: np.ndarray) -> dict[str, int]:
    """How many rows of each domain are in `twice`, bool [N].

    Raises UserError where they were all that a domain had to test: none of it is left in `test`.
    """
    counts = {}
    for position, (name, _) in enumerate(table.domains):
        here = table.domain == position
        counts[name] = int(twice[here].sum())
        if counts[name] and not test[here].any():
            raise UserError(
                Mistake(
                    "dataset.duplicates",
                    expected=f"test rows of domain {name} that are not in the rest of the table "
                    "too",
                    found=f"{counts[name]} that are",
                    hint="try dataset.duplicates=keep",
                )
            )
    return counts


def _duplicates_note(
    counts: Mapping[str, int], duplicates: Literal["drop", "keep"]
) -> Iterator[str]:
    total = sum(counts.values())
    if total:
        rows = "rows stand" if total > 1 else "row stands"
        done = "dropped (dataset.duplicates=keep keeps them)" if duplicates == "drop" else "kept"
        yield f"{total} test {rows} in the rest of the table too, input for input: {done}"


def _unused_notes(table: Columns) -> Iterator[str]:
    """What of the table is left out: rows without labels, and missing numbers."""
    unused = int((~table.used).sum())
    if unused:
        rows = "rows" if unused > 1 else "row"
        yield f"{unused} {rows} without any label: not used"
    counts = {}
    for column in table.numbers:
        count = int((column.missing & table.used).sum())
        if count:
            counts[column.name] = count
    if counts:
        where = f"{len(counts)} inputs"
        if len(counts) <= FEW:
            where = ", ".join(f"{name} ({count})" for name, count in counts.items())
        total = sum(counts.values())
        yield f"missing numbers, read as the mean of the training rows: {total}, in {where}"
