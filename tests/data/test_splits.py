import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.errors import UserError
from tlrun.data.splits import few_per_class, split_validation, stratified

LABELS = np.repeat(np.arange(4), 20)[np.random.default_rng(0).permutation(80)]


@given(st.floats(0.1, 0.9), st.integers(0, 99))
def test_stratified_divides_every_class_alike(share: float, seed: int) -> None:
    chosen, rest = stratified(LABELS, share, seed)

    assert sorted([*chosen, *rest]) == list(range(80))
    assert set(np.bincount(LABELS[chosen], minlength=4)) == {round(share * 20)}


@given(st.integers(1, 19), st.integers(0, 99))
def test_a_larger_draw_contains_the_smaller_one_of_its_seed(count: int, seed: int) -> None:
    small, large = (
        few_per_class(LABELS, count, seed, "key"),
        few_per_class(LABELS, count + 1, seed, "key"),
    )

    assert set(small) < set(large)
    assert np.bincount(LABELS[small]).tolist() == [count] * 4


def test_asking_for_more_than_there_is_names_the_key_and_the_most() -> None:
    with pytest.raises(
        UserError, match=r"dataset.labels_per_class: expected at most 20 .*, found 21"
    ):
        few_per_class(LABELS, 21, 0, "dataset.labels_per_class")


@given(st.floats(0.01, 0.7), st.integers(0, 99))
def test_validation_and_training_share_the_labels_bought(share: float, seed: int) -> None:
    train, val = split_validation(LABELS, share, seed, "key")

    assert sorted([*train, *val]) == list(range(80))
    assert set(np.bincount(LABELS[val], minlength=4)) == {max(1, round(share * 20))}


def test_no_validation_share_buys_none() -> None:
    train, val = split_validation(LABELS, 0.0, 0, "key")

    assert len(train) == 80
    assert len(val) == 0


def test_a_class_must_keep_a_label_for_training() -> None:
    with pytest.raises(
        UserError,
        match=r"dataset.val_share: expected to leave every class a label .*0.5 of 1 labels",
    ):
        split_validation(np.arange(3), 0.5, 0, "dataset.val_share")
