"""Folds of a table: every row tests once, and no group or equal row stands on two sides.

Shapes: N rows of the table, n of those that are divided.
"""

from __future__ import annotations

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.data.row_units import deal
from tlrun.data.tables.chance import all_by_chance, equal_by_chance
from tlrun.data.tables.column_roles import Columns
from tlrun.data.tables.row_identity import row_hashes

KEY = "dataset.test_folds"


def draw_folds(
    columns: Columns, rows: np.ndarray, count: int, seed: int, *, copies: bool
) -> np.ndarray:
    """The fold in which each row tests, int64 [N]: 0 to count-1, and -1 outside `rows`, bool [N].

    Rows of one group are in one fold, whatever their domains, and so are equal rows where `copies`
    says that they count as copies of one another. Of every domain and class each fold has its
    share, give or take one row or group. Raises UserError where there are fewer to divide than
    folds, or a domain would have nothing left to learn from.
    """
    places = np.flatnonzero(rows)
    folds = np.full(len(rows), -1, dtype=np.int64)
    if not len(places):  # refused where its test examples are missed
        return folds
    units = _together(columns, places, copies)
    if units.max() + 1 < count:
        what = "groups or different rows" if columns.group is not None else "different rows"
        raise UserError(Mistake(KEY, f"at most {units.max() + 1} ({what})", f"{count}"))
    folds[places] = deal(units, _strata(columns, places), count, seed)[units]
    for position, (name, _) in enumerate(columns.domains):
        mine = folds[places][columns.domain[places] == position]
        if len(mine) and len(np.unique(mine)) < 2:
            expected = f"domain {name} in two folds or more"
            found = "all its rows in one, for they are one group or equal"
            raise UserError(Mistake(KEY, expected, found, "try another dataset.group"))
    return folds


def _together(columns: Columns, places: np.ndarray, copies: bool) -> np.ndarray:
    """Which rows may not be parted, int64 [n]: the number of the unit that each is of."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ties = [] if columns.group is None else [columns.group[places]]
    if copies and not all_by_chance(columns):
        hashes = row_hashes(columns)[places]
        if equal_by_chance(columns):  # rows of two domains may be equal
            hashes ^= columns.domain[places].astype(np.uint64)
        ties.append(hashes)
    n, nodes = len(places), len(places)
    ends = []
    for tie in ties:  # each of its values is a node, to which its rows are tied
        values, ids = np.unique(tie, return_inverse=True)
        ends.append(nodes + ids.reshape(-1))
        nodes += len(values)
    if not ends:
        return np.arange(n)
    starts = np.tile(np.arange(n), len(ends))
    edges = (np.ones(len(starts), dtype=bool), (starts, np.concatenate(ends)))
    _, component = connected_components(coo_array(edges, shape=(nodes, nodes)), directed=False)
    _, units = np.unique(component[:n], return_inverse=True)
    return units.reshape(-1)


def _strata(columns: Columns, places: np.ndarray) -> np.ndarray:
    """What the folds have shares of, int64 [n]: each domain with each combination of classes."""
    classes = [target for target in columns.targets if target.task.kind != "regression"]
    parts = [columns.domain[places], *(target.labels[places] for target in classes)]
    _, strata = np.unique(np.stack(parts, axis=1), axis=0, return_inverse=True)
    return strata.reshape(-1)
