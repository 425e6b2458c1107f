"""Which images train, validate and test: by seeds, by their groups, or by their folders.

Shapes: N images of all domains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.core.problem import Role
from tlrun.core.seeding import stream
from tlrun.data.base import SOURCE_VAL_SHARE
from tlrun.data.images.folder_options import FolderOptions
from tlrun.data.images.label_spaces import LabelSpace
from tlrun.data.splits import bought, split_validation, stratified
from tlrun.data.tables.groups import group_split

TRAIN, VAL, TEST = range(3)


@dataclass(frozen=True)
class Rows:
    """N images, each in the same row of every array.

    roles: of each domain. domain: int64 [N], which of them by name. label: int64 [N].
    group: int64 [N], or None where there are no groups. side: int64 [N], TRAIN, VAL or TEST, or
    None where no folder says so.
    """

    roles: Mapping[str, Role]
    domain: np.ndarray
    label: np.ndarray
    group: np.ndarray | None
    side: np.ndarray | None

    @property
    def names(self) -> list[str]:
        """The domains as `domain` counts them, in an order that no role changes."""
        return sorted(self.roles)


class Splits(NamedTuple):
    """Which images are in each split, bool [N] each; pool: all that some seed may learn from."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    pool: np.ndarray


def split_rows(rows: Rows, options: FolderOptions, seed: int) -> Splits:
    """The splits as `seed` draws the labels; the test images are the same for every seed.

    Raises UserError where a class, a domain or a group has too few images for what is asked.
    """
    test = _tested(rows, options)
    pool = ~test
    if rows.side is not None and not options.val_share:
        pool &= rows.side == TRAIN
    train, val = np.zeros_like(test), np.zeros_like(test)
    for position, name in enumerate(rows.names):
        mine = np.flatnonzero(pool & (rows.domain == position))
        if not len(mine):
            raise _too_few(f"an image to train on in domain {name}", "none")
        learning, validating = _drawn(rows, options, name, mine, seed)
        train[learning], val[validating] = True, True
    if rows.group is not None and options.val_share and not val.any():
        chosen = np.flatnonzero(train)
        val_seed = stream(seed, "labels", "val")
        val[chosen] = _apart(rows, chosen, options.val_share, val_seed, "dataset.val_share")
        train &= ~val
    return Splits(train, val, test, pool)


def check_sizes(
    rows: Rows, spaces: Mapping[str, LabelSpace], found: Mapping[str, set[str]], share: float | None
) -> None:
    """Raise UserError where a class of a domain has too few images to train and to test on.

    found: the classes that each domain has a folder of. share: that tests; None where another rule
    says who does, and one image is enough here.
    """
    least = 1
    if share is not None:
        least = next(size for size in count(2) if 1 <= round(share * size) < size)
    for position, name in enumerate(rows.names):
        classes = spaces[name].classes
        sizes = np.bincount(rows.label[rows.domain == position], minlength=len(classes))
        for label, size in zip(classes, sizes.tolist(), strict=True):
            if label in found[name] and size < least:
                why = "" if share is None else f", for dataset.test_share={share:g}"
                expected = f"at least {least} images of class {label} in domain {name}{why}"
                raise _too_few(expected, f"{size}")


def _tested(rows: Rows, options: FolderOptions) -> np.ndarray:
    """Which images test, bool [N]."""
    every = np.arange(len(rows.label))
    if rows.side is not None:
        test: np.ndarray = rows.side == TEST
        if rows.group is not None:
            _check_whole(rows.group, rows.side)
        return test
    tests = stream(options.split_seed, "split")
    if rows.group is not None:
        return _apart(rows, every, options.test_share, tests, "dataset.test_share")
    test = np.zeros(len(every), bool)
    for position in range(len(rows.names)):
        mine = every[rows.domain == position]
        # no name in the stream: images that lie alike in two domains are on the same side in both
        test[mine[stratified(rows.label[mine], options.test_share, tests)[0]]] = True
    return test


def _drawn(
    rows: Rows, options: FolderOptions, name: str, mine: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Of the positions `mine`, all of one domain, those that train and those that validate.

    Where there are groups, those that validate are divided from those that train later.
    """
    role = rows.roles[name]
    # alone in its role, a domain may be renamed and draws the same
    key = role if list(rows.roles.values()).count(role) == 1 else name
    budget, fraction = options.labels_per_class, options.label_fraction
    option = "dataset.labels_per_class"
    share = options.val_share
    if role == "source":
        budget, fraction = options.source_per_class, options.source_fraction
        option = "dataset.source_per_class"
        share = SOURCE_VAL_SHARE if share and rows.group is None else share
    labels_seed, val_seed = stream(seed, "labels", key), stream(seed, "labels", "val", key)
    if rows.side is not None and (rows.side[mine] == VAL).any():
        marked = rows.side[mine] == VAL
        training, validating = mine[~marked], mine[marked]
        for_val = None if budget is None else max(1, round(share * budget))
        if budget is not None and for_val is not None:
            if for_val >= budget:
                expected, found = "to leave every class a label for training", f"{budget} of each"
                raise UserError(Mistake("dataset.val_share", expected, found, "draw more labels"))
            budget -= for_val
        train = bought(rows.label[training], budget, fraction, labels_seed, option)
        val = bought(rows.label[validating], for_val, fraction, val_seed, option)
        return training[train], validating[val]
    drawn = mine[bought(rows.label[mine], budget, fraction, labels_seed, option)]
    if rows.group is not None:
        return drawn, drawn[:0]
    train, val = split_validation(rows.label[drawn], share, val_seed, "dataset.val_share")
    return drawn[train], drawn[val]


def _apart(rows: Rows, chosen: np.ndarray, share: float, seed: int, key: str) -> np.ndarray:
    """Which of the positions `chosen` are of the groups that are split off, bool.

    They are a share of every class's groups in every domain, as far as no group has several
    classes. Raises UserError, naming the option `key`, where a domain would have all of its images
    on one side, or a class none left to train on.
    """
    assert rows.group is not None
    domain, label = rows.domain[chosen], rows.label[chosen]
    _, strata = np.unique(np.stack([domain, label]), axis=1, return_inverse=True)
    off = group_split(rows.group[chosen], strata.ravel(), share, seed)
    for position, name in enumerate(rows.names):
        mine = domain == position
        groups = len(np.unique(rows.group[chosen][mine]))
        if len(np.unique(off[mine])) < 2:
            shared = ", not all on one side with those of other domains" if groups > 1 else ""
            expected = f"at least 2 groups in domain {name} to divide{shared}"
            raise UserError(Mistake(key, expected, f"{groups}", "leave out dataset.group"))
        gone = np.setdiff1d(label[mine], label[mine & ~off])
        if len(gone):
            expected = f"a group of every class in domain {name} that stays to train on"
            found = f"{len(gone)} classes without"
            hint = "lower it, or draw more labels, or try another dataset.split_seed"
            raise UserError(Mistake(key, expected, found, hint))
    return off


def _check_whole(group: np.ndarray, side: np.ndarray) -> None:
    """Raise UserError where a group is on two sides."""
    pairs = np.unique(np.stack([group, side], axis=1), axis=0)
    divided = len(pairs) - len(np.unique(group))
    if divided:
        expected = "every group on one side"
        found = f"{divided} on two or more in the folders of dataset.split"
        raise UserError(Mistake("dataset.split", expected, found, "leave out split or the groups"))


def _too_few(expected: str, found: str) -> UserError:
    hint = "add images, or leave that folder out"
    return UserError(Mistake("dataset.path", expected, found, hint))
