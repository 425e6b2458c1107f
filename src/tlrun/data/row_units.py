"""Rows that may not be parted, and what shares are taken of, whatever the data set.

Rows of one group are on one side, and so are rows with equal inputs, unless these are equal by
chance. Shapes: N rows of several splits together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tlrun.core.problem import Split
from tlrun.data.examples import row_hashes

if TYPE_CHECKING:
    import numpy as np


def units_of(splits: Sequence[Split], *, copies: bool) -> np.ndarray:
    """Which rows may not be parted, int64 [N]: the number of the unit that each is of.

    Units are numbered in the order of their first rows. copies: whether rows with equal inputs are
    copies of one another.
    """
    import numpy as np
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    total = sum(map(len, splits))
    nodes: dict[Any, int] = {}  # what ties rows: each is a node beside theirs
    starts, ends, row = [], [], 0
    for split in splits:
        groups = [None] * len(split) if split.groups is None else split.groups.tolist()
        alike = row_hashes(split.inputs) if copies else [None] * len(split)
        for group, equal in zip(groups, alike, strict=True):
            for tie in filter(lambda value: value is not None, (group, equal)):
                starts.append(row)
                ends.append(nodes.setdefault(tie, total + len(nodes)))
            row += 1
    edges = (np.ones(len(starts), dtype=bool), (np.array(starts, int), np.array(ends, int)))
    size = total + len(nodes)
    _, component = connected_components(coo_array(edges, shape=(size, size)), directed=False)
    _, first, units = np.unique(component[:total], return_index=True, return_inverse=True)
    numbers: np.ndarray = np.argsort(np.argsort(first))[units.reshape(-1)]
    return numbers


def strata_of(splits: Sequence[Split]) -> np.ndarray:
    """What shares are taken of, int64 [N]: each domain with each combination of its classes."""
    import numpy as np

    strata, before = [], 0
    for split in splits:
        classes = [v for _, v in sorted(split.labels.items()) if v.dtype.kind == "i"]
        table = np.stack([np.zeros(len(split), np.int64), *classes], axis=1)
        _, mine = np.unique(table, axis=0, return_inverse=True)
        strata.append(before + mine.reshape(-1))
        before += len(split)
    return np.concatenate(strata)


def deal(units: np.ndarray, strata: np.ndarray, count: int, seed: int) -> np.ndarray:
    """The fold of each unit, int64 [number of units], dealt out like cards, stratum by stratum.

    units: int64 [n], which unit a row is of, all of them there. strata: int64 [n], which stratum a
    row is of; that of a unit is the one of most of its rows. In a stratum the largest units come
    first, of one size in an order that `seed` draws; so in each stratum no fold has two units more
    than another.
    """
    import numpy as np

    pairs, sizes = np.unique(np.stack([units, strata], axis=1), axis=0, return_counts=True)
    most = np.lexsort((pairs[:, 1], -sizes, pairs[:, 0]))
    _, first = np.unique(pairs[most, 0], return_index=True)
    stratum = pairs[most][first, 1]
    chance = np.random.default_rng(seed).permutation(len(stratum))
    order = np.lexsort((chance, -np.bincount(units), stratum))
    folds = np.empty(len(stratum), dtype=np.int64)
    folds[order] = np.arange(len(stratum)) % count
    return folds
