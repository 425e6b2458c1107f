from typing import Any

import numpy as np
import pytest

from tlrun.core.errors import UserError
from tlrun.core.problem import Role
from tlrun.data.images.folder_options import FolderOptions
from tlrun.data.images.folder_splits import TEST, TRAIN, VAL, Rows, Splits, check_sizes, split_rows
from tlrun.data.images.label_spaces import LabelSpace

PEERS: dict[str, Role] = {"a": "peer", "b": "peer"}
TRANSFER: dict[str, Role] = {"a": "source", "b": "target"}


def rows(
    roles: dict[str, Role] = TRANSFER, count: int = 20, groups: bool = False, sides: bool = False
) -> Rows:
    """Two domains of three classes, `count` images of each class; every 4 images are a group."""
    n = 3 * count
    domain, label = np.repeat([0, 1], n), np.tile(np.repeat([0, 1, 2], count), 2)
    place = np.tile(np.arange(count), 6)
    group = (place // 4) if groups else None  # each in every class, and in both domains
    side = np.where(place < count // 2, TRAIN, np.where(place < 3 * count // 4, VAL, TEST))
    return Rows(roles, domain, label, group, side if sides else None)


def split(given: Rows, seed: int = 0, **options: Any) -> Splits:
    found = split_rows(given, FolderOptions(**options), seed)
    assert not (found.train & found.val).any()
    assert not (found.pool & found.test).any()
    assert (found.train | found.val <= found.pool).all()
    return found


def counts(given: Rows, chosen: np.ndarray) -> list[list[int]]:
    """How many of each class, in each domain."""
    return [
        np.bincount(given.label[chosen & (given.domain == k)], minlength=3).tolist() for k in (0, 1)
    ]


@pytest.mark.parametrize("roles", [PEERS, TRANSFER])
@pytest.mark.parametrize("options", [{}, {"val_share": 0.2}, {"labels_per_class": 5}])
@pytest.mark.parametrize("groups", [False, True])
def test_splits_do_not_overlap_and_tests_are_the_same_for_all_seeds(
    roles: dict[str, Role], options: dict[str, Any], groups: bool
) -> None:
    given = rows(roles, groups=groups)
    one, other = (split(given, seed, **options) for seed in (0, 1))

    assert np.array_equal(one.test, other.test)
    assert np.array_equal(one.pool, other.pool)
    assert one.val.any() == ("val_share" in options)
    if "labels_per_class" in options:
        assert not np.array_equal(one.train, other.train)
    if not groups:
        assert counts(given, one.test) == [[6, 6, 6]] * 2


@pytest.mark.parametrize("val_share", [0.0, 0.3])
def test_a_group_is_on_one_side(val_share: float) -> None:
    given = rows(groups=True)
    for seed in range(5):
        found = split(given, seed, val_share=val_share, split_seed=seed)
        assert given.group is not None
        groups = [set(given.group[chosen].tolist()) for chosen in (found[0], found[1], found[2])]
        assert groups[2]
        assert bool(groups[1]) == bool(val_share)
        assert not groups[0] & groups[1]
        assert not (groups[0] | groups[1]) & groups[2]


def test_labels_are_bought_of_the_target_and_larger_draws_contain_smaller_ones() -> None:
    given = rows()
    five, ten = (split(given, 3, labels_per_class=n).train for n in (5, 10))
    tenth, half = (split(given, 3, label_fraction=share).train for share in (0.1, 0.5))

    assert counts(given, five) == [[14] * 3, [5] * 3]
    assert counts(given, tenth) == [[14] * 3, [1] * 3]
    assert counts(given, half) == [[14] * 3, [7] * 3]
    assert (five <= ten).all()
    assert (tenth <= half).all()
    assert counts(given, split(given, source_per_class=2).train) == [[2] * 3, [14] * 3]
    assert counts(given, split(given, source_fraction=0.5).train) == [[7] * 3, [14] * 3]
    assert counts(rows(PEERS), split(rows(PEERS), labels_per_class=5).train) == [[5] * 3] * 2


def test_validation_is_of_the_labels_and_a_fifth_of_the_sources() -> None:
    given = rows()
    found = split(given, labels_per_class=10, val_share=0.4)

    assert counts(given, found.train) == [[11] * 3, [6] * 3]
    assert counts(given, found.val) == [[3] * 3, [4] * 3]


def test_folders_say_who_tests_and_who_validates() -> None:
    given = rows(sides=True)
    assert given.side is not None
    without = split(given)
    assert np.array_equal(without.test, given.side == TEST)
    assert np.array_equal(without.train, given.side == TRAIN)
    assert np.array_equal(without.pool, given.side == TRAIN)
    every = split(given, val_share=0.1)
    assert np.array_equal(every.val, given.side == VAL)
    some = split(given, val_share=0.4, labels_per_class=5)
    assert counts(given, some.train) == [[10] * 3, [3] * 3]
    assert counts(given, some.val) == [[5] * 3, [2] * 3]
    assert (given.side[some.val] == VAL).all()
    with pytest.raises(UserError, match=r"dataset.val_share: expected to leave every class a"):
        split(given, val_share=0.4, labels_per_class=1)


def test_a_domain_draws_the_same_whatever_it_is_called_and_whoever_is_the_target() -> None:
    given = rows()
    renamed = Rows({"x": "source", "y": "target"}, given.domain, given.label, None, None)
    turned = Rows({"a": "target", "b": "source"}, given.domain, given.label, None, None)
    one, other = split(given, labels_per_class=5), split(renamed, labels_per_class=5)

    assert np.array_equal(one.train, other.train)
    assert np.array_equal(one.test, split(turned).test)


def test_too_little_is_refused() -> None:
    sides = rows(sides=True, groups=True)
    whole = rows()
    one_group = Rows(TRANSFER, whole.domain, whole.label, np.zeros(120, np.int64), None)
    no_train = Rows(PEERS, sides.domain, sides.label, None, np.full(120, TEST))
    few = rows(count=8, groups=True)  # two groups, of which one tests
    refused: list[tuple[Rows, dict[str, Any], str]] = [
        (rows(), {"labels_per_class": 15}, "dataset.labels_per_class: expected at most 14"),
        (rows(), {"source_per_class": 15}, "dataset.source_per_class: expected at most 14"),
        (rows(), {"labels_per_class": 1, "val_share": 0.5}, "dataset.val_share: expected to leave"),
        (one_group, {}, "dataset.test_share: expected at least 2 groups in domain a to divide"),
        (few, {"val_share": 0.3}, "dataset.val_share: expected at least 2 groups in domain a"),
        (sides, {}, "dataset.split: expected every group on one side, found [0-9]+ on two"),
        (no_train, {}, "dataset.path: expected an image to train on in domain a, found none"),
    ]
    for given, options, words in refused:
        with pytest.raises(UserError, match=f"^{words}"):
            split(given, **options)


def test_groups_of_one_class_are_divided_class_by_class() -> None:
    label = np.repeat([0, 1, 2], [20, 12, 8])
    group = np.arange(40) // 2  # 10, 6 and 4 groups
    given = Rows({"a": "target"}, np.zeros(40, np.int64), label, group, None)
    for seed in range(5):
        found = split(given, seed, split_seed=seed, val_share=0.2)
        assert np.bincount(label[found.test]).tolist() == [6, 4, 2]
        assert np.bincount(label[found.val]).tolist() == [2, 2, 2]


def test_a_class_of_one_group_trains_and_one_left_without_training_is_refused() -> None:
    one, nothing = np.array([0, 0, 1, 1, 1, 1]), np.zeros(6, np.int64)
    given = Rows({"a": "target"}, nothing, one, np.array([0, 0, 1, 2, 1, 2]), None)
    # the groups of class 1 have class 0 too, which has others beside
    both = Rows({"a": "target"}, nothing, one, np.array([0, 1, 0, 0, 0, 0]), None)
    refused = 0
    for split_seed in range(8):
        assert 0 in one[split(given, split_seed=split_seed).train]
        try:
            assert 1 in one[split(both, split_seed=split_seed).train]
        except UserError as error:
            assert "expected a group of every class in domain a that stays" in str(error)  # noqa: PT017
            refused += 1
    assert 0 < refused < 8


@pytest.mark.parametrize(("share", "least"), [(0.3, 2), (0.5, 2), (0.1, 6), (0.9, 5), (None, 1)])
def test_every_class_must_be_large_enough_to_divide(share: float | None, least: int) -> None:
    space = LabelSpace("class", ("cat", "dog"))
    roles: dict[str, Role] = {"a": "target"}
    found = {"a": {"cat", "dog"}}
    for size in (least - 1, least):
        label = np.repeat([0, 1], [9, size])
        given = Rows(roles, np.zeros(9 + size, np.int64), label, None, None)
        if size == least:
            check_sizes(given, {"a": space}, found, share)
            check_sizes(given, {"a": space}, {"a": {"cat"}}, share)
            continue
        with pytest.raises(UserError, match=f"at least {least} images of class dog in domain a"):
            check_sizes(given, {"a": space}, found, share)
