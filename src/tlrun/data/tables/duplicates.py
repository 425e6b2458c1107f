"""Rows of a table that stand on two sides: they would be learnt by heart, and tested.

Those that chance makes equal (`chance.py`) are told, and kept. Shapes: N rows of the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.data.tables.chance import all_by_chance, equal_by_chance
from tlrun.data.tables.column_roles import Columns
from tlrun.data.tables.row_identity import repeated
from tlrun.data.tables.splits import Splits

CHANCE = "kept, as rows of so few different values are equal by chance"
KEPT, DROPPED = "kept", "dropped (dataset.duplicates=keep keeps them)"


@dataclass(frozen=True)
class Seen:
    """The splits without duplicates, or with them where they are kept.

    counts: of each domain, its test rows that stand in the rest of the table. notes: lines for the
    user.
    """

    splits: Splits
    counts: Mapping[str, int]
    notes: tuple[str, ...]


def seen_to(columns: Columns, splits: Splits, drop: bool) -> Seen:
    """Look for test rows that may train, and for validation rows that do, input for input.

    drop: whether to leave them out. Raises UserError where no test row of a domain, or no row that
    validates, would be left.
    """
    chance = equal_by_chance(columns)
    asked = not drop
    drop = drop and not all_by_chance(columns)
    test = repeated(columns, splits.test, splits.pool, within_domains=chance)
    val = repeated(columns, splits.val, splits.train, within_domains=chance)
    notes = []
    for rows, what, where in (
        (test, "test", "in the rest of the table"),
        (val, "validation", "among those that train"),
    ):
        if count := int(rows.sum()):
            stand = "rows stand" if count > 1 else "row stands"
            done = DROPPED if drop else KEPT if asked else CHANCE
            notes.append(f"{count} {what} {stand} {where} too, input for input: {done}")
    if chance:
        across = repeated(columns, splits.test, splits.pool, within_domains=False) & ~test
        if count := int(across.sum()):
            rows_equal = "rows equal" if count > 1 else "row equals"
            notes.append(f"{count} test {rows_equal} rows of other domains: {CHANCE}")
    if drop:
        splits = replace(splits, test=splits.test & ~test, val=_left(splits.val, val))
    counts = _by_domain(columns, test, splits.test)
    return Seen(splits, counts, tuple(notes))


def _by_domain(columns: Columns, twice: np.ndarray, left: np.ndarray) -> dict[str, int]:
    """How many rows of each domain are in `twice`, bool [N].

    Raises UserError where they were all that a domain had to test: none of it is `left`.
    """
    counts = {}
    for position, (name, _) in enumerate(columns.domains):
        here = columns.domain == position
        counts[name] = int(twice[here].sum())
        if counts[name] and not left[here].any():
            expected = f"test rows of domain {name} that are not in the rest of the table too"
            raise _refused(expected, counts[name])
    return counts


def _left(val: np.ndarray, twice: np.ndarray) -> np.ndarray:
    """The rows that validate, bool [N], without those in `twice`. Raises UserError without any."""
    left: np.ndarray = val & ~twice
    if val.any() and not left.any():
        raise _refused("validation rows that are not among those that train", int(twice.sum()))
    return left


def _refused(expected: str, found: int) -> UserError:
    hint = "try dataset.duplicates=keep"
    return UserError(Mistake("dataset.duplicates", expected, f"{found} that are", hint))
