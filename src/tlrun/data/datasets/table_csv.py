"""A table in a CSV file: one task or many, several columns to predict or one in many domains."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlrun.core.problem import Domain, Problem, Split
from tlrun.data.assembly import Part, assemble
from tlrun.data.folds import assemble_folds
from tlrun.data.load_report import line_of_few
from tlrun.data.tables.options import TableOptions

if TYPE_CHECKING:
    import numpy as np

    from tlrun.data.tables.column_roles import Columns
    from tlrun.data.tables.duplicates import Seen
    from tlrun.data.tables.encoding import Encoder
    from tlrun.data.tables.splits import Splits


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
        from tlrun.data.tables.splits import draw_tests
        from tlrun.data.tables.table_file import read
        from tlrun.data.tables.table_notes import table_notes

        table = columns(read(self.path, self.separator, self.encoding, self.notation), self)
        made = [_made(table, self, test, seed) for test in draw_tests(table, self, seed)]
        first = made[0]
        notes = [*table_notes(table), *first.notes]
        # Duplicates are known by their cells: scaled by what one seed saw, other rows would be
        # equal for every seed.
        if self.test_folds is None:
            problem = assemble(first.parts, [*first.seen.notes, *notes], duplicates="seen to")
            kept: Mapping[str, Any] = first.preprocessing
        else:
            folded = f"{len(made)} folds: every row tests once, after learning from the other folds"
            if self.target is not None:
                folded = f"{folded} (of {self.target} alone)"
            told = []
            for fold, each in enumerate(made, start=1):  # as progress lines count them
                told += [f"fold {fold}: {note}" for note in each.seen.notes]
            problem = assemble_folds([each.parts for each in made], [folded, *told, *notes])
            kept = {"folds": [each.preprocessing for each in made]}
        rows = _reported(problem.report["splits"], table, first.seen.splits)
        counts = {}
        for name, role in table.domains:
            dropped = [each.seen.counts[name] for each in made]
            counts[name] = dropped[0] if role == "source" else sum(dropped)  # those are not folded
        report = {**problem.report, "splits": rows, "duplicates": counts}
        if self.test_folds is None and self.split is None and any(line_of_few(rows)):
            report["notes"] = [*report["notes"], "dataset.test_folds=5 tests every row once"]
        return dataclasses.replace(problem, report=report, preprocessing=kept)


@dataclass(frozen=True)
class _Made:
    """What becomes of a table where some rows test: domain by domain, and what is told of it."""

    parts: Sequence[Part]
    seen: Seen
    notes: Sequence[str]
    preprocessing: Mapping[str, Any]


def _made(table: Columns, options: TableOptions, test: np.ndarray, seed: int) -> _Made:
    """Split, fit and encode. test: the rows that test, bool [N]."""
    from tlrun.data.tables.duplicates import seen_to
    from tlrun.data.tables.encoding import fit
    from tlrun.data.tables.splits import split_rows
    from tlrun.data.tables.table_notes import encoding_notes, far_values_notes

    splits = split_rows(table, options, test, seed)
    fitted = _fitted(table, splits.pool)
    far = far_values_notes(table, fitted, options.named()["inputs"])
    table = _scaled(table, splits)
    encoder = fit(table, fitted)
    told = [*far, *encoding_notes(table, encoder)]
    inputs = encoder.encode(table.numbers, table.categories)
    seen = seen_to(table, splits, drop=options.duplicates == "drop")
    parts = [_part(table, seen.splits, place, inputs) for place in range(len(table.domains))]
    return _Made(parts, seen, told, _preprocessing(table, options, encoder))


def _scaled(table: Columns, splits: Splits) -> Columns:
    """The table, its tasks of numbers scaled by the labels that train."""
    from tlrun.data.tables.encoding import scaled_task

    targets = []
    for target, labelled in zip(table.targets, splits.labelled, strict=True):
        task = scaled_task(target, _fitted(table, splits.train & labelled))
        targets.append(dataclasses.replace(target, task=task))
    return dataclasses.replace(table, targets=tuple(targets))


def _preprocessing(table: Columns, options: TableOptions, encoder: Encoder) -> dict[str, Any]:
    """How the table was read, as strict JSON."""
    from tlrun.data.tables.preprocessing import Preprocessing

    column = None if options.task is None else str(options.task)
    read = Preprocessing(
        options.separator,
        options.encoding,
        options.notation,
        encoder,
        {target.column.name: target.task for target in table.targets},
        column,
        table.domain_values,
    )
    return read.to_json()


def _fitted(table: Columns, rows: np.ndarray) -> np.ndarray:
    """Which of `rows`, bool [N], say how the table is encoded: the sources', where there are any.

    So neither the labels that are drawn of a target nor its test rows change what a source learns.
    """
    import numpy as np

    sources = [k for k, (_, role) in enumerate(table.domains) if role == "source"]
    of_sources: np.ndarray = rows & np.isin(table.domain, sources)
    return of_sources if of_sources.any() else rows


def _part(table: Columns, splits: Splits, position: int, inputs: np.ndarray) -> Part:
    """The domain at `position`."""
    from tlrun.data.tables.row_identity import rows_digest

    name, role = table.domains[position]
    here = table.domain == position
    present = [target.present for target in table.targets]
    train = _split(table, splits.train & here, inputs, splits.labelled)
    val = _split(table, splits.val & here, inputs, splits.labelled)
    tested = _split(table, splits.test & here, inputs, present)
    tasks = tuple(target.task for target in table.targets)
    return Part(
        Domain(name, role, tasks, train, val if len(val) else None),
        tested,
        inputs[:0],  # duplicates are seen to
        rows_digest(table, table.used & here),
    )


def _split(
    table: Columns, chosen: np.ndarray, inputs: np.ndarray, labelled: Sequence[np.ndarray]
) -> Split:
    """The rows in `chosen`, bool [N], as a split.

    labelled: per task, bool [N], the labels that are kept; all others become missing.
    """
    import numpy as np

    rows = np.flatnonzero(chosen)
    labels = {}
    for target, mine in zip(table.targets, labelled, strict=True):
        labels[target.task.name] = target.only(mine).labels[rows]
    return Split(inputs[rows], labels, rows.astype(np.int64))


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
