"""Who trains, who validates, who tests: seeded, stratified, never overlapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tlrun.core.errors import Mistake, UserError
from tlrun.core.seeding import stream


class Draw(NamedTuple):
    """Positions in one domain, each sorted. pool: all that some seed may train or validate on;
    test: all the others.
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
    """Test examples by the stream `tests`, labels by the run's `seed`, every class alike.

    count: examples a class that are labelled, for training and validation together; None for all
        that do not test.
    keys: narrow the run's stream, where several domains draw. Raises UserError as `few_per_class`
        and `split_validation`.
    """
    test, pool = stratified(labels, test_share, tests)
    chosen = pool
    if count is not None:
        chosen = pool[
            few_per_class(
                labels[pool], count, stream(seed, "labels", *keys), "dataset.labels_per_class"
            )
        ]
    train, val = split_validation(
        labels[chosen], val_share, stream(seed, "labels", "val", *keys), "dataset.val_share"
    )
    return Draw(chosen[train], chosen[val], test, pool)


def stratified(labels: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Split the positions of `labels` [N] in two: `share` of every class (rounded), and the rest;
    both sorted.
    """
    chosen = _per_class(
        labels, {int(k): round(share * np.sum(labels == k)) for k in np.unique(labels)}, seed
    )
    return chosen, np.setdiff1d(np.arange(len(labels)), chosen)


def few_per_class(labels: np.ndarray, count: int, seed: int, key: str) -> np.ndarray:
    """The positions of `count` examples of every class, sorted. One seed's larger draws contain its
    smaller ones.

    Raises UserError, naming the option `key`, where a class has fewer.
    """
    classes, sizes = np.unique(labels, return_counts=True)
    if count > sizes.min():
        raise UserError(
            Mistake(
                key,
                expected=f"at most {sizes.min()} (the smallest class has no more)",
                found=f"{count}",
            )
        )
    return _per_class(labels, {int(k): count for k in classes}, seed)


def split_validation(
    labels: np.ndarray, share: float, seed: int, key: str
) -> tuple[np.ndarray, np.ndarray]:
    """Divide the positions of labels already drawn into training and validation: validation labels
    are labels too.

    share: of each class for validation, at least one where share > 0. Raises UserError, naming
    `key`, where a class would keep none for training.
    """
    sizes = {int(k): int(np.sum(labels == k)) for k in np.unique(labels)}
    wanted = {k: max(1, round(share * n)) if share else 0 for k, n in sizes.items()}
    short = [k for k in sizes if wanted[k] >= sizes[k]]
    if short:
        raise UserError(
            Mistake(
                key,
                expected="to leave every class a label for training",
                found=f"{share:g} of {sizes[short[0]]} labels",
                hint="lower it or draw more labels",
            )
        )
    val = _per_class(labels, wanted, seed)
    return np.setdiff1d(np.arange(len(labels)), val), val


def hide(groups: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Which labels go missing, bool [N]: `share` of all (rounded) at random, but of every group [N]
    one label stays.

    So fewer are hidden where too few would be left. One seed's larger shares contain its smaller
    ones.
    """
    order = np.random.default_rng(seed).permutation(len(groups))
    _, stay = np.unique(groups[order], return_index=True)
    hidden = np.zeros(len(groups), dtype=bool)
    hidden[np.delete(order, stay)[: round(share * len(groups))]] = True
    return hidden


def _per_class(labels: np.ndarray, counts: Mapping[int, int], seed: int) -> np.ndarray:
    """`counts[k]` positions of each class k, by a permutation of that class's own, so that draws
    are nested.
    """
    parts = [
        np.random.default_rng(stream(seed, "labels", k)).permutation(np.flatnonzero(labels == k))[
            :n
        ]
        for k, n in counts.items()
    ]
    return np.sort(np.concatenate(parts))
