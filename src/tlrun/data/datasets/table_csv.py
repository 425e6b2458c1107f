"""A table in a CSV file: one task or many, several columns to predict or one in many domains."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tlrun.core.errors import Mistake, UserError
from tlrun.core.problem import Domain, Problem, Split
from tlrun.data.assembly import Part, assemble
from tlrun.data.tables.options import TableOptions

if TYPE_CHECKING:
    import numpy as np

    from tlrun.data.tables.columns import Columns
    from tlrun.data.tables.splits import Splits


@dataclass(frozen=True)
class TableCsv(TableOptions):
    """The problem of `dataset=table_csv`; its options are those of every table."""

    def load(self, seed: int) -> Problem:
        """The problem as `seed` draws its labels. Raises UserError where the table is not what the
        options say.
        """
        from tlrun.data.tables.columns import columns
        from tlrun.data.tables.csv_file import read
        from tlrun.data.tables.encoding import inputs, labels, repeated
        from tlrun.data.tables.splits import split_rows

        table = columns(read(self.path, self.separator, self.encoding), self)
        drawn = split_rows(table, self, seed)
        values = inputs(table, drawn.train)
        answers = [
            labels(target, drawn.train & mine)
            for target, mine in zip(table.targets, drawn.labelled, strict=True)
        ]
        twice = repeated(table, drawn.test, drawn.pool)
        test = drawn.test & ~twice if self.duplicates == "drop" else drawn.test
        counts = {
            name: int(twice[table.domain == place].sum())
            for place, (name, _) in enumerate(table.domains)
        }
        _check_tested(
            counts,
            {
                name: bool(test[table.domain == k].any())
                for k, (name, _) in enumerate(table.domains)
            },
        )
        notes = [*_duplicates_told(counts, self.duplicates), *table.notes, *_unused_told(table)]
        parts = [
            _part(table, drawn, place, test, values, answers) for place in range(len(table.domains))
        ]
        # Duplicates are known by their cells: scaled by what one seed saw, other rows would be
        # equal for every seed.
        problem = assemble(parts, notes, duplicates="seen to")
        rows = [_counted(row, table, drawn) for row in problem.report["splits"]]
        return dataclasses.replace(
            problem, report={**problem.report, "splits": rows, "duplicates": counts}
        )


def _part(
    table: Columns,
    drawn: Splits,
    place: int,
    test: np.ndarray,
    values: np.ndarray,
    answers: Sequence[np.ndarray],
) -> Part:
    """The domain at `place`. values, answers: the inputs and, per task, the labels of every row."""
    import numpy as np

    from tlrun.data.tables.encoding import rows_digest

    name, role = table.domains[place]
    here = table.domain == place

    def split(chosen: np.ndarray, known: Sequence[np.ndarray]) -> Split:
        rows = np.flatnonzero(chosen & here)
        labels = {
            target.task.name: np.where(mine, answer, -1 if answer.dtype.kind == "i" else np.nan)[
                rows
            ].astype(answer.dtype)
            for target, answer, mine in zip(table.targets, answers, known, strict=True)
        }
        return Split(values[rows], labels, rows.astype(np.int64))

    train, val = split(drawn.train, drawn.labelled), split(drawn.val, drawn.labelled)
    tasks = tuple(target.task for target in table.targets)
    tested = split(test, [target.present for target in table.targets])
    return Part(
        Domain(name, role, tasks, train, val if len(val) else None),
        tested,
        values[drawn.pool & here],
        rows_digest(table, table.used & here),
    )


def _counted(row: Mapping[str, Any], table: Columns, drawn: Splits) -> dict[str, Any]:
    """A row of the load report that tells labels which are missing from labels that were not
    bought.
    """
    place = [name for name, _ in table.domains].index(row["domain"])
    target = next(target for target in table.targets if target.task.name == row["task"])
    sides = {"train": drawn.train, "val": drawn.val}
    if row["split"] not in sides:
        return dict(row)
    missing = int((sides[row["split"]] & (table.domain == place) & ~target.present).sum())
    return {**row, "missing": missing, "not bought": row["missing"] - missing}


def _check_tested(twice: Mapping[str, int], tested: Mapping[str, bool]) -> None:
    """Raise UserError where nothing but duplicates would have been tested."""
    for name, some in tested.items():
        if twice[name] and not some:
            raise UserError(
                Mistake(
                    "dataset.duplicates",
                    expected=f"test rows of domain {name} that are not in the rest of the table "
                    "too",
                    found=f"{twice[name]} that are",
                    hint="try dataset.duplicates=keep",
                )
            )


def _duplicates_told(
    counts: Mapping[str, int], duplicates: Literal["drop", "keep"]
) -> Iterator[str]:
    if total := sum(counts.values()):
        rows, stand = ("rows", "stand") if total > 1 else ("row", "stands")
        done = "dropped (dataset.duplicates=keep keeps them)" if duplicates == "drop" else "kept"
        yield f"{total} test {rows} {stand} in the rest of the table too, input for input: {done}"


def _unused_told(table: Columns) -> Iterator[str]:
    used = table.used
    if rows := int((~used).sum()):
        yield (
            f"{rows} rows without any label: not used"
            if rows > 1
            else "1 row without any label: not used"
        )
    counts = {column.name: int((column.missing & used).sum()) for column in table.numbers}
    if some := {name: count for name, count in counts.items() if count}:
        where = (
            ", ".join(f"{name} ({count})" for name, count in some.items())
            if len(some) <= 6
            else f"{len(some)} inputs"
        )
        yield f"missing numbers, read as the mean of the training rows: {sum(some.values())}, in {where}"
