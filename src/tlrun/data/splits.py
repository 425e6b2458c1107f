"""Who trains, who validates, who tests: seeded, stratified, never overlapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.core.seeding import stream


class Draw(NamedTuple):
    """The examples of one domain by split: positions in it, int64, each array sorted.

    test: those that test. pool: all others, which some seed may train or validate on.
    train, val: those of the pool that are drawn.
    """

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray
    pool: np.ndarray


def draw(
    labels: np.ndarray,
    count: int | None,
    val_share: float,
    test_share: float,
    tests: int,
    seed: int,
    *keys: str,
) -> Draw:
    """Split the examples of a domain by their `labels` [N], every class alike.

    count: examples a class that are labelled, for training and validation together; None for all
        that do not test.
    val_share: the share of the labelled examples that validates.
    test_share: the share of all examples that tests.
    tests: the seed of the test examples. seed: the run's, of the labels.
    keys: narrow the run's stream, where several domains draw.

    Raises UserError as `few_per_class` and `split_validation` do.
    """
    test, pool = stratified(labels, test_share, tests)
    chosen = pool
    if count is not None:
        label_seed = stream(seed, "labels", *keys)
        chosen = pool[few_per_class(labels[pool], count, label_seed, "dataset.labels_per_class")]
    val_seed = stream(seed, "labels", "val", *keys)
    train, val = split_validation(labels[chosen], val_share, val_seed, "dataset.val_share")
    return Draw(chosen[train], chosen[val], test, pool)


def stratified(labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split the positions of `labels` [N] in two: `share` of every class (rounded), and the rest.

    Both arrays are sorted.
    """
    counts = {}
    for label, size in _sizes(labels).items():
        counts[label] = round(share * size)
    chosen = _per_class(labels, counts, seed)
    return chosen, np.setdiff1d(np.arange(len(labels)), chosen)


def few_per_class(labels: np.ndarray, count: int, seed: int, key: str) -> np.ndarray:
    """The positions in `labels` [N] of `count` examples of every class, sorted.

    One seed's larger draws contain its smaller ones. Raises UserError, naming the option `key`,
    where a class has fewer.
    """
    sizes = _sizes(labels)
    smallest = min(sizes.values())
    if count > smallest:
        expected = f"at most {smallest} (the smallest class has no more)"
        raise UserError(Mistake(key, expected, f"{count}"))
    return _per_class(labels, dict.fromkeys(sizes, count), seed)


def bought(
    labels: np.ndarray, count: int | None, fraction: float | None, seed: int, key: str
) -> np.ndarray:
    """The positions in `labels` [N] of the examples whose labels are paid for, sorted.

    count: so many of every class, or else fraction: that share of every class (rounded, at least
    one); of both None: all. One seed's larger draws contain its smaller ones. Raises UserError,
    naming the option `key`, where a class has fewer.
    """
    if count is not None:
        return few_per_class(labels, count, seed, key)
    if fraction is None:
        return np.arange(len(labels))
    counts = {label: max(1, round(fraction * size)) for label, size in _sizes(labels).items()}
    return _per_class(labels, counts, seed)


def even_sample(
    labels: np.ndarray, limit: int | None, of: str, seed: int, *keys: str
) -> np.ndarray:
    """The positions in `labels` [N] of at most `limit` test examples, sorted; of None: all.

    Classes are as even as they can be, and larger samples contain smaller ones.

    of: whose examples they are. keys: narrow the stream of `seed`, where several sets are sampled.

    Raises UserError where `limit` leaves some class without any.
    """
    if limit is None or limit >= len(labels):
        return np.arange(len(labels))
    classes = np.unique(labels).tolist()
    if limit < len(classes):
        raise UserError(
            Mistake(
                "dataset.test_limit",
                expected=f"at least {len(classes)}, one example of each class of {of}",
                found=f"{limit}",
                hint=f"try dataset.test_limit={10 * len(classes)}",
            )
        )
    # each example's in its class, from 0 to 1: the first of all classes are even
    place = np.empty(len(labels))
    for k in classes:
        rng = np.random.default_rng(stream(seed, "split", *keys, k))
        rows = rng.permutation(np.flatnonzero(labels == k))
        place[rows] = np.arange(len(rows)) / len(rows)
    return np.sort(np.argsort(place, kind="stable")[:limit])


def split_validation(
    labels: np.ndarray, share: float, seed: int, key: str
) -> tuple[np.ndarray, np.ndarray]:
    """Divide the positions of labels [N] that are drawn already into training and validation.

    share: of each class for validation (rounded), at least one where share > 0: validation labels
    are labels too. Raises UserError, naming the option `key`, where a class would keep none for
    training.
    """
    wanted = {}
    for label, size in _sizes(labels).items():
        wanted[label] = max(1, round(share * size)) if share else 0
        if wanted[label] >= size:
            raise UserError(
                Mistake(
                    key,
                    expected="to leave every class a label for training",
                    found=f"{share:g} of {size} labels",
                    hint="lower it or draw more labels",
                )
            )
    val = _per_class(labels, wanted, seed)
    return np.setdiff1d(np.arange(len(labels)), val), val


def hide(groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Which labels go missing, bool [N]: `share` of all (rounded), drawn at random.

    groups: the group of each label, [N]. One label of every group stays, so fewer are hidden where
    too few would be left. One seed's larger shares contain its smaller ones.
    """
    order = np.random.default_rng(seed).permutation(len(groups))
    _, stay = np.unique(groups[order], return_index=True)
    hidden = np.zeros(len(groups), dtype=bool)
    hidden[np.delete(order, stay)[: round(share * len(groups))]] = True
    return hidden


def _sizes(labels: np.ndarray) -> dict[int, int]:
    """How many examples each class has, in the order of the classes."""
    classes, sizes = np.unique(labels, return_counts=True)
    return dict(zip(classes.tolist(), sizes.tolist(), strict=True))


def _per_class(labels: np.ndarray, counts: Mapping[int, int], seed: int) -> np.ndarray:
    """The positions of `counts[k]` examples of each class k, sorted.

    Each class is permuted by a stream of its own, so that larger draws contain smaller ones.
    """
    parts = []
    for label, count in counts.items():
        rng = np.random.default_rng(stream(seed, "labels", label))
        parts.append(rng.permutation(np.flatnonzero(labels == label))[:count])
    return np.sort(np.concatenate(parts))
