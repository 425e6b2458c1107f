"""Which rows of a table train, validate and test, and which of their labels are drawn.

Splits are drawn per domain and seeded, and no group is in two of them.
Shapes: N rows of the table, n of one domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.core.seeding import stream
from tlrun.data.tables.column_roles import WORDS, Columns
from tlrun.data.tables.folds import draw_folds
from tlrun.data.tables.groups import check_groups_whole, draw_groups
from tlrun.data.tables.options import TableOptions
from tlrun.data.tables.targets import Target

TRAIN, VAL, TEST = range(len(WORDS))


@dataclass(frozen=True)
class Splits:
    """Which rows are in each split, bool [N] each.

    test: the rows that test.
    pool: the rows that some seed may train or validate on.
    train, val: the rows that train and those that validate, as this seed draws them.
    labelled: per task, the rows whose label was drawn, for training or validation.
    """

    test: np.ndarray
    pool: np.ndarray
    train: np.ndarray
    val: np.ndarray
    labelled: tuple[np.ndarray, ...]


def draw_tests(columns: Columns, options: TableOptions, seed: int) -> list[np.ndarray]:
    """The rows that test, bool [N]: one such set, or one a fold.

    Where there is a target, its rows are divided in folds; sources test on one share throughout.
    seed: the run's. Raises UserError where the split column contradicts other options, and where
    there are fewer groups than the options ask for.
    """
    used = columns.used
    if columns.split is not None:
        _check_split_column(columns, options)
        return [used & (columns.split == TEST)]
    drawn_from = seed if options.split_seed is None else options.split_seed
    if options.test_folds is None:
        return [_draw_test(columns, options, used, drawn_from)]
    targets = [k for k, (_, role) in enumerate(columns.domains) if role == "target"]
    folded = used & np.isin(columns.domain, targets) if targets else used
    others = used & ~folded
    beside = _draw_test(columns, options, others, drawn_from) if others.any() else others
    copies = options.duplicates == "drop"
    count, fold_seed = options.test_folds, stream(drawn_from, "split", "folds")
    folds = draw_folds(columns, folded, count, fold_seed, copies=copies)
    return [beside | (folds == fold) for fold in range(count)]


def split_rows(columns: Columns, options: TableOptions, test: np.ndarray, seed: int) -> Splits:
    """The splits of a table's rows as `seed` draws them.

    test: the rows that test, bool [N]. Raises UserError where there are fewer labels or groups than
    the options ask for, and where no row would train.
    """
    used = columns.used
    marked_val = np.zeros(len(used), dtype=bool)  # by a split column
    if columns.split is not None:
        marked_val = used & (columns.split == VAL)
    pool = used & ~test
    labelled = _draw_labels(columns, options, pool, marked_val, seed)
    learning: np.ndarray = np.any(labelled, axis=0)
    if marked_val.any():
        val = learning & marked_val
    else:
        val = _draw_validation(columns, options, labelled, seed)
    train = learning & ~val
    if not train.any():
        key, hint = "dataset.test_share", "lower it"
        if options.split is not None:
            key, hint = "dataset.split", "mark some as train"
        raise UserError(Mistake(key, "rows to train on", "none", hint))
    return Splits(test, pool, train, val, labelled)


def stratified_sample(strata: np.ndarray, count: int, seed: int, *, each: bool) -> np.ndarray:
    """Draw `count` positions of `strata` [n], sorted: of every stratum its share, give or take one.

    strata: the stratum of each row. each: start with one row of every stratum. Larger samples
    contain smaller ones, and strata of one seed and length are drawn in one order of rows.
    """
    rng = np.random.default_rng(seed)
    priority = rng.permutation(len(strata))
    different, sizes = np.unique(strata, return_counts=True)
    rank, turn = np.zeros(len(strata)), np.zeros(len(strata))
    for stratum, size, start in zip(different, sizes, rng.random(len(different)), strict=True):
        mine = np.flatnonzero(strata == stratum)
        rank[mine[np.argsort(priority[mine])]] = np.arange(size)
        # systematic: a random start, then one in every n/count
        turn[mine] = (rank[mine] + start) / size
    order = np.lexsort((priority, turn, (rank > 0) & each))
    return np.sort(order[:count])


def _check_split_column(columns: Columns, options: TableOptions) -> None:
    """Raise UserError where a split column and other options contradict each other."""
    assert columns.split is not None
    if options.val_share and (columns.split[columns.used] == VAL).any():
        raise UserError(
            Mistake(
                "dataset.val_share",
                expected=f"0, for column {options.split} says what validates",
                found=f"{options.val_share:g}",
                hint="leave out one",
            )
        )
    if columns.group is not None:
        check_groups_whole(columns, options)


def _draw_test(columns: Columns, options: TableOptions, used: np.ndarray, seed: int) -> np.ndarray:
    """The rows that test, bool [N], a share of those that are used."""
    share = options.test_share
    if columns.group is not None:
        return draw_groups(columns, used, share, stream(seed, "split"), "dataset.test_share")
    test = np.zeros(len(used), dtype=bool)
    for position, (name, _) in enumerate(columns.domains):
        rows = np.flatnonzero(used & (columns.domain == position))
        kept = len(rows) - round(share * len(rows))
        test[_beside_sample(columns.targets, rows, kept, stream(seed, "split", name))] = True
    return test


def _draw_validation(
    columns: Columns, options: TableOptions, labelled: Sequence[np.ndarray], seed: int
) -> np.ndarray:
    """The rows that validate, bool [N], of those with a label that was drawn."""
    learning: np.ndarray = np.any(labelled, axis=0)
    share, key = options.val_share, "dataset.val_share"
    val = np.zeros(len(learning), dtype=bool)
    if not share:
        return val
    if columns.group is not None:
        return draw_groups(columns, learning, share, stream(seed, "labels", "val"), key)
    drawn = [target.only(rows) for target, rows in zip(columns.targets, labelled, strict=True)]
    for position, (name, _) in enumerate(columns.domains):
        rows = np.flatnonzero(learning & (columns.domain == position))
        kept = len(rows) - max(1, round(share * len(rows)))
        if kept < 1 and len(rows):
            raise UserError(
                Mistake(
                    key,
                    expected=f"to leave domain {name} a label for training",
                    found=f"{share:g} of {len(rows)} rows",
                    hint="lower it or draw more labels",
                )
            )
        val[_beside_sample(drawn, rows, kept, stream(seed, "labels", "val", name))] = True
    return val


def _beside_sample(targets: Sequence[Target], rows: np.ndarray, kept: int, seed: int) -> np.ndarray:
    """What a stratified sample of `kept` of the `rows`, int64 [n], leaves of them."""
    strata, one_task = _strata(targets, rows)
    return np.delete(rows, stratified_sample(strata, kept, seed, each=one_task))


def _strata(targets: Sequence[Target], rows: np.ndarray) -> tuple[np.ndarray, bool]:
    """What to stratify `rows` by, int64 [n], and whether each stratum is a class of the only task.

    A stratum is a combination of the classes of all tasks that have classes.
    """
    classes = [target.labels[rows] for target in targets if target.task.kind != "regression"]
    if not classes:
        return np.zeros(len(rows), dtype=np.int64), False
    if len(classes) == 1:
        return classes[0], len(targets) == 1
    _, strata = np.unique(np.stack(classes, axis=1), axis=0, return_inverse=True)
    return strata.reshape(-1), False


def _draw_labels(
    columns: Columns, options: TableOptions, pool: np.ndarray, marked_val: np.ndarray, seed: int
) -> tuple[np.ndarray, ...]:
    """Per task, bool [N]: the labels that are drawn, for training and validation together."""
    if options.labels is None:
        return tuple(pool & target.present for target in columns.targets)
    labelled = tuple(np.zeros(len(pool), dtype=bool) for _ in columns.targets)
    for position, (name, role) in enumerate(columns.domains):
        here = pool & (columns.domain == position)
        for target, drawn in zip(columns.targets, labelled, strict=True):
            there = here & target.present
            if role == "source":  # the budget is the target's
                drawn[there] = True
                continue
            available = int(there.sum())
            if options.labels > available:
                what = f"task {target.task.name} has no more in domain {name}, test apart"
                expected = f"at most {available} ({what})"
                raise UserError(Mistake("dataset.labels", expected, f"{options.labels}"))
            share = int((there & marked_val).sum()) / available
            for_val = min(round(options.labels * share), options.labels - 1)
            for_train = options.labels - for_val
            train_seed, val_seed = stream(seed, "labels", name), stream(seed, "labels", name, "val")
            drawn[_sample_labels(target, there & ~marked_val, for_train, train_seed)] = True
            drawn[_sample_labels(target, there & marked_val, for_val, val_seed)] = True
    return labelled


def _sample_labels(target: Target, there: np.ndarray, count: int, seed: int) -> np.ndarray:
    """`count` of the rows in `there`, bool [N], stratified by the target's class."""
    rows = np.flatnonzero(there)
    strata, _ = _strata([target], rows)
    sampled: np.ndarray = rows[stratified_sample(strata, count, seed, each=True)]
    return sampled
