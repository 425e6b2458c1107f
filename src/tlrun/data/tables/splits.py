"""Which rows of a table test, and which labels are bought: per domain, seeded, and no group on two
sides.

Shapes: N rows of the table, n of one domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.core.seeding import stream
from tlrun.data.tables.columns import WORDS, Columns
from tlrun.data.tables.options import TableOptions
from tlrun.data.tables.targets import Target

TRAIN, VAL, TEST = range(len(WORDS))


@dataclass(frozen=True)
class Splits:
    """bool [N] each: the rows that test, that some seed may learn from, that train, that validate.

    labelled: per task, bool [N], whether its label was drawn for training or validation.
    """

    test: np.ndarray
    pool: np.ndarray
    train: np.ndarray
    val: np.ndarray
    labelled: tuple[np.ndarray, ...]


def split_rows(columns: Columns, options: TableOptions, seed: int) -> Splits:
    """The sides of every row as `seed` draws them. Raises UserError where there is too little to
    draw from.
    """
    used = columns.used
    validates = np.zeros(len(used), dtype=bool)
    if columns.split is not None:
        _check_split(columns, options)
        test, validates = used & (columns.split == TEST), used & (columns.split == VAL)
    else:
        test = _tested(
            columns, options, used, seed if options.split_seed is None else options.split_seed
        )
    pool = used & ~test
    bought = _labelled(columns, options, pool, validates, seed)
    learns: np.ndarray = np.any(bought, axis=0)
    val = learns & validates if validates.any() else _validation(columns, options, bought, seed)
    train = learns & ~val
    if not train.any():
        key, remedy = (
            ("split", "mark some as train") if options.split else ("test_share", "lower it")
        )
        raise UserError(
            Mistake(f"dataset.{key}", expected="rows to train on", found="none", hint=remedy)
        )
    return Splits(test, pool, train, val, bought)


def stratified_sample(strata: np.ndarray, count: int, seed: int, *, each: bool) -> np.ndarray:
    """`count` positions of strata [n], sorted: of every stratum its share, give or take one. Larger
    draws contain smaller ones, and strata of one seed and length are drawn in one order of rows.

    each: start with one of every stratum.
    """
    rng = np.random.default_rng(seed)
    priority = rng.permutation(len(strata))
    found, sizes = np.unique(strata, return_counts=True)
    rank, turn = np.zeros(len(strata)), np.zeros(len(strata))
    for stratum, size, start in zip(found, sizes, rng.random(len(found)), strict=True):
        mine = np.flatnonzero(strata == stratum)
        rank[mine[np.argsort(priority[mine])]] = np.arange(size)
        # systematic: a random start, then one in every n/count
        turn[mine] = (rank[mine] + start) / size
    order = np.lexsort((priority, turn, (rank > 0) & each))
    return np.sort(order[:count])


def group_split(groups: np.ndarray, domains: np.ndarray, share: float, seed: int) -> np.ndarray:
    """bool [n]: whether a row's group is drawn: `share` of each domain's groups, at least one and
    never all of them.

    But a group that several domains have is on one side in all of them.
    """
    rng = np.random.default_rng(seed)
    drawn: dict[int, bool] = {}
    for domain in np.unique(domains):
        mine = np.unique(groups[domains == domain])
        new = [group for group in rng.permutation(mine).tolist() if group not in drawn]
        wanted = min(max(1, round(share * len(mine))), len(mine) - 1)
        wanted -= sum(drawn.get(group, False) for group in mine.tolist())
        drawn |= {group: place < wanted for place, group in enumerate(new)}
    return np.array([drawn[group] for group in groups.tolist()], dtype=bool)


def _check_split(columns: Columns, options: TableOptions) -> None:
    """Raise UserError where a split column and other options contradict each other."""
    split = columns.split
    assert split is not None
    if options.val_share and (split[columns.used] == VAL).any():
        raise UserError(
            Mistake(
                "dataset.val_share",
                expected=f"0, for column {options.split} says what validates",
                found=f"{options.val_share:g}",
                hint="leave out one",
            )
        )
    if columns.group is not None:
        pairs = np.unique(np.stack([columns.group, split], axis=1)[columns.used], axis=0)
        groups, sizes = np.unique(pairs[:, 0], return_counts=True)
        if (sizes > 1).any():
            group = groups[(sizes > 1).argmax()]
            words = " and ".join(WORDS[mark] for mark in pairs[pairs[:, 0] == group, 1])
            raise UserError(
                Mistake(
                    "dataset.split",
                    expected="every row of a group on one side",
                    found=f"{words} for {options.group} {columns.groups[group]}",
                    hint="leave out dataset.split or dataset.group",
                )
            )


def _tested(columns: Columns, options: TableOptions, used: np.ndarray, seed: int) -> np.ndarray:
    """bool [N]: the rows that test."""
    if columns.group is not None:
        return _groups_drawn(
            columns, used, options.test_share, stream(seed, "split"), "dataset.test_share"
        )
    test = np.zeros(len(used), dtype=bool)
    for place, (name, _) in enumerate(columns.domains):
        rows = np.flatnonzero(used & (columns.domain == place))
        count = len(rows) - round(options.test_share * len(rows))
        strata, each = _strata(columns.targets, rows)
        test[
            np.delete(
                rows, stratified_sample(strata, count, stream(seed, "split", name), each=each)
            )
        ] = True
    return test


def _validation(
    columns: Columns, options: TableOptions, bought: Sequence[np.ndarray], seed: int
) -> np.ndarray:
    """bool [N]: the rows that validate, of those whose labels are bought."""
    learns: np.ndarray = np.any(bought, axis=0)
    known = [target.only(rows) for target, rows in zip(columns.targets, bought, strict=True)]
    val = np.zeros(len(learns), dtype=bool)
    if not options.val_share:
        return val
    if columns.group is not None:
        return _groups_drawn(
            columns, learns, options.val_share, stream(seed, "labels", "val"), "dataset.val_share"
        )
    for place, (name, _) in enumerate(columns.domains):
        rows = np.flatnonzero(learns & (columns.domain == place))
        count = len(rows) - max(1, round(options.val_share * len(rows)))
        if count < 1 and len(rows):
            raise UserError(
                Mistake(
                    "dataset.val_share",
                    expected=f"to leave domain {name} a label for training",
                    found=f"{options.val_share:g} of {len(rows)} rows",
                    hint="lower it or draw more labels",
                )
            )
        strata, each = _strata(known, rows)
        val[
            np.delete(
                rows,
                stratified_sample(strata, count, stream(seed, "labels", "val", name), each=each),
            )
        ] = True
    return val


def _groups_drawn(
    columns: Columns, rows: np.ndarray, share: float, seed: int, key: str
) -> np.ndarray:
    """bool [N]: those of `rows` whose group is drawn.

    Raises UserError, naming the option `key`, where all of a domain would be on one side.
    """
    assert columns.group is not None
    drawn = np.zeros(len(rows), dtype=bool)
    drawn[rows] = group_split(columns.group[rows], columns.domain[rows], share, seed)
    for place, (name, _) in enumerate(columns.domains):
        mine = rows & (columns.domain == place)
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


def _strata(targets: Sequence[Target], rows: np.ndarray) -> tuple[np.ndarray, bool]:
    """What to stratify rows by: the combination of their classes; and whether that is one task's,
    so a class.
    """
    classes = [target.labels[rows] for target in targets if target.task.kind != "regression"]
    if not classes:
        return np.zeros(len(rows), dtype=np.int64), False
    _, strata = np.unique(np.stack(classes, axis=1), axis=0, return_inverse=True)
    return strata.reshape(-1), len(targets) == 1


def _labelled(
    columns: Columns, options: TableOptions, pool: np.ndarray, validates: np.ndarray, seed: int
) -> tuple[np.ndarray, ...]:
    """Per task, bool [N]: the labels that are drawn, for training and validation together."""
    if options.labels is None:
        return tuple(pool & target.present for target in columns.targets)
    labels = tuple(np.zeros(len(pool), dtype=bool) for _ in columns.targets)
    for place, (name, _) in enumerate(columns.domains):
        here = pool & (columns.domain == place)
        for target, drawn in zip(columns.targets, labels, strict=True):
            there = here & target.present
            if options.labels > (most := int(there.sum())):
                raise UserError(
                    Mistake(
                        "dataset.labels",
                        expected=f"at most {most} (task {target.task.name} has no more in domain "
                        f"{name}, test apart)",
                        found=f"{options.labels}",
                    )
                )
            share = int((there & validates).sum()) / most
            bought = min(round(options.labels * share), options.labels - 1)
            for side, count, keys in (
                (~validates, options.labels - bought, ()),
                (validates, bought, ("val",)),
            ):
                rows = np.flatnonzero(there & side)
                strata, _ = _strata([target], rows)
                drawn[
                    rows[
                        stratified_sample(
                            strata, count, stream(seed, "labels", name, *keys), each=True
                        )
                    ]
                ] = True
    return labels
