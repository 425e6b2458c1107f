"""From the rows of a table, and what is read of them as inputs, to a problem.

Shapes: N rows of the table.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from tlrun.core.inputs import Inputs, selected
from tlrun.core.problem import Domain, Problem, Split
from tlrun.data.assembly import Part, assemble
from tlrun.data.folds import assemble_folds
from tlrun.data.load_report import line_of_few
from tlrun.data.tables.chance import all_by_chance, equal_by_chance
from tlrun.data.tables.column_roles import Columns
from tlrun.data.tables.duplicates import Seen, seen_to
from tlrun.data.tables.encoding import scaled_task
from tlrun.data.tables.options import TableOptions
from tlrun.data.tables.row_identity import rows_digest
from tlrun.data.tables.splits import Splits, draw_tests, split_rows


class Read(NamedTuple):
    """What was read of a table where some of its rows test.

    inputs: of all N rows. notes: lines for the user. preprocessing: how, as strict JSON.
    """

    inputs: Inputs
    notes: Sequence[str]
    preprocessing: Mapping[str, Any]


class _Made(NamedTuple):
    """What becomes of a table where some rows test: domain by domain, and what is told of it."""

    parts: Sequence[Part]
    seen: Seen
    notes: Sequence[str]
    preprocessing: Mapping[str, Any]


def problem_of(
    table: Columns,
    options: TableOptions,
    seed: int,
    notes: Sequence[str],
    read: Callable[[Columns, Splits], Read],
) -> Problem:
    """The problem of a table as `seed` draws its labels, learnt and tested once or in folds.

    notes: lines for the user, of the table itself. read: gives the inputs of a table that is split,
    the scales of its tasks known by then; called once a fold.

    Raises UserError where there is too little to train or test on.
    """
    made = [_made(table, options, test, seed, read) for test in draw_tests(table, options, seed)]
    first = made[0]
    notes = [*notes, *first.notes]
    # Duplicates are known by their cells: scaled by what one seed saw, other rows would be equal
    # for every seed.
    if options.test_folds is None:
        problem = assemble(first.parts, [*first.seen.notes, *notes], duplicates="seen to")
        kept: Mapping[str, Any] = first.preprocessing
    else:
        folded = f"{len(made)} folds: every row tests once, after learning from the other folds"
        if options.target is not None:
            folded = f"{folded} (of {options.target} alone)"
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
    may_fold = options.test_folds is None and options.split is None and not options.sealed
    if may_fold and any(line_of_few(rows)):
        report["notes"] = [*report["notes"], "dataset.test_folds=5 tests every row once"]
    asked = options.sealed or options.holdout_fold  # else nobody does
    copies = not asked or _copies(table, options)
    return dataclasses.replace(problem, report=report, preprocessing=kept, copies=copies)


def _copies(table: Columns, options: TableOptions) -> bool:
    """Whether rows with equal inputs count as copies of one another."""
    return options.duplicates == "drop" and not (equal_by_chance(table) or all_by_chance(table))


def fitted_on(table: Columns, rows: np.ndarray) -> np.ndarray:
    """Which of `rows`, bool [N], say how the table is encoded: the sources', where there are any.

    So neither the labels that are drawn of a target nor its test rows change what a source learns.
    """
    sources = [k for k, (_, role) in enumerate(table.domains) if role == "source"]
    of_sources: np.ndarray = rows & np.isin(table.domain, sources)
    return of_sources if of_sources.any() else rows


def _made(
    table: Columns,
    options: TableOptions,
    test: np.ndarray,
    seed: int,
    read: Callable[[Columns, Splits], Read],
) -> _Made:
    """Split and read. test: the rows that test, bool [N]."""
    splits = split_rows(table, options, test, seed)
    table = _scaled(table, splits)
    found = read(table, splits)
    seen = seen_to(table, splits, drop=options.duplicates == "drop")
    places = range(len(table.domains))
    parts = [_part(table, seen.splits, place, found.inputs) for place in places]
    return _Made(parts, seen, found.notes, found.preprocessing)


def _scaled(table: Columns, splits: Splits) -> Columns:
    """The table, its tasks of numbers scaled by the labels that train."""
    targets = []
    for target, labelled in zip(table.targets, splits.labelled, strict=True):
        task = scaled_task(target, fitted_on(table, splits.train & labelled))
        targets.append(dataclasses.replace(target, task=task))
    return dataclasses.replace(table, targets=tuple(targets))


def _part(table: Columns, splits: Splits, position: int, inputs: Inputs) -> Part:
    """The domain at `position`."""
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
        selected(inputs, np.zeros(len(here), bool)),  # duplicates are seen to
        rows_digest(table, table.used & here),
    )


def _split(
    table: Columns, chosen: np.ndarray, inputs: Inputs, labelled: Sequence[np.ndarray]
) -> Split:
    """The rows in `chosen`, bool [N], as a split.

    labelled: per task, bool [N], the labels that are kept; all others become missing.
    """
    rows = np.flatnonzero(chosen)
    labels = {}
    for target, mine in zip(table.targets, labelled, strict=True):
        labels[target.task.name] = target.only(mine).labels[rows]
    groups = None if table.group is None else table.group[rows].astype(np.int64)
    return Split(selected(inputs, rows), labels, rows.astype(np.int64), groups=groups)


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
