"""Splits of a table that keep groups whole: no two splits have rows of one group.

Shapes: N rows of the table, n of those to be split.
"""

from __future__ import annotations

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.data.tables.column_roles import WORDS, Columns
from tlrun.data.tables.options import TableOptions


def group_split(groups: np.ndarray, domains: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Which rows are split off, bool [n]: all rows of a group, or none.

    groups, domains: int64 [n], the group and the domain of each row. Of each domain's groups
    `share` is split off (rounded), at least one and never all. A group that several domains have
    is split off in all of them or in none, so there the share may not be met.
    """
    rng = np.random.default_rng(seed)
    split_off: dict[int, bool] = {}
    for domain in np.unique(domains):
        mine = np.unique(groups[domains == domain])
        new = [group for group in rng.permutation(mine).tolist() if group not in split_off]
        wanted = min(max(1, round(share * len(mine))), len(mine) - 1)
        wanted -= sum(split_off.get(group, False) for group in mine.tolist())
        for position, group in enumerate(new):
            split_off[group] = position < wanted
    return np.array([split_off[group] for group in groups.tolist()], dtype=bool)


def draw_groups(
    columns: Columns, rows: np.ndarray, share: float, seed: int, key: str
) -> np.ndarray:
    """Which of `rows`, bool [N], are in the groups that `seed` splits off, bool [N].

    Raises UserError, naming the option `key` that says `share`, where all groups of a domain would
    be split off or none: it has one group, or shares its groups with other domains.
    """
    assert columns.group is not None
    drawn = np.zeros(len(rows), dtype=bool)
    drawn[rows] = group_split(columns.group[rows], columns.domain[rows], share, seed)
    for position, (name, _) in enumerate(columns.domains):
        mine = rows & (columns.domain == position)
        if mine.any() and len(np.unique(drawn[mine])) < 2:
            count = len(np.unique(columns.group[mine]))
            shared = ", not all on one side with those of other domains" if count > 1 else ""
            raise UserError(
                Mistake(
                    key,
                    expected=f"at least 2 groups in domain {name} to divide{shared}",
                    found=f"{count}",
                    hint="try dataset.group=null",
                )
            )
    return drawn


def check_groups_whole(columns: Columns, options: TableOptions) -> None:
    """Raise UserError where the split column puts rows of one group in different splits.

    `columns` has both a group and a split column; rows without a label do not count.
    """
    assert columns.group is not None
    assert columns.split is not None
    pairs = np.unique(np.stack([columns.group, columns.split], axis=1)[columns.used], axis=0)
    groups, counts = np.unique(pairs[:, 0], return_counts=True)
    divided = groups[counts > 1]
    if len(divided):
        words = [WORDS[split] for split in pairs[pairs[:, 0] == divided[0], 1]]
        raise UserError(
            Mistake(
                "dataset.split",
                expected="every row of a group on one side",
                found=f"{' and '.join(words)} for {options.group} {columns.groups[divided[0]]}",
                hint="leave out dataset.split or dataset.group",
            )
        )
