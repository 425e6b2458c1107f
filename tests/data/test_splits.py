import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.errors import UserError
from tlrun.data.splits import (
    bought,
    draw,
    even_sample,
    few_per_class,
    hide,
    split_validation,
    stratified,
)

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


@given(
    st.integers(1, 8), st.integers(1, 8), st.sampled_from([0.0, 0.3]), st.integers(0, 99),
    st.sampled_from([(), ("d",), ("d", "e")]),
)  # fmt: skip
def test_a_larger_draw_buys_the_labels_of_the_smaller_one_and_more(
    count: int, more: int, share: float, seed: int, keys: tuple[str, ...]
) -> None:
    """Of training and validation together, whatever part of it validates; the test set stays."""
    count += 1  # one to train on, and one to validate with
    few, many = (
        draw(LABELS, n, share, 0.2, 7, seed, *keys) for n in (count, min(count + more, 16))
    )

    assert {*few.train, *few.val} < {*many.train, *many.val}
    assert np.array_equal(few.test, many.test)
    everything = draw(LABELS, None, share, 0.2, 7, seed, *keys)
    assert {*many.train, *many.val} <= {*everything.train, *everything.val}


def test_keys_narrow_the_stream_so_that_domains_of_one_seed_draw_apart() -> None:
    """In what is bought, and in what of it validates."""
    drawn = [draw(LABELS, 5, 0.4, 0.2, 7, 0, *keys) for keys in ((), ("d",), ("e",))]
    everything = [draw(LABELS, None, 0.4, 0.2, 7, 0, *keys) for keys in ((), ("d",), ("e",))]

    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert {*drawn[one].train, *drawn[one].val} != {*drawn[other].train, *drawn[other].val}
        assert not np.array_equal(everything[one].val, everything[other].val)
        assert np.array_equal(drawn[one].test, drawn[other].test)


def test_what_validates_is_drawn_apart_from_what_is_labelled() -> None:
    """Else the examples a class of which the validation of a full source is made would be the very
    ones that few labels buy."""
    for seed in range(5):
        val = draw(LABELS, None, 0.25, 0.2, 7, seed).val
        few = draw(LABELS, 4, 0.0, 0.2, 7, seed).train
        assert len(val) == len(few) == 16
        assert len({*val} & {*few}) < 12


def test_every_class_is_drawn_by_an_order_of_its_own() -> None:
    labels = np.arange(80) % 4  # class k at k, k + 4, k + 8, …
    for seed in range(5):
        taken = few_per_class(labels, 8, seed, "key")
        places = {tuple((taken[labels[taken] == k] // 4).tolist()) for k in range(4)}
        assert len(places) == 4


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


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=40), st.floats(0.0, 0.9), st.integers(0, 99)
)
def test_hiding_more_hides_the_same_and_spares_every_group(
    groups: list[int], share: float, seed: int
) -> None:
    found = np.array(groups)
    hidden, more = hide(found, share, seed), hide(found, share + 0.1, seed)

    assert hidden.sum() == min(round(share * len(found)), len(found) - len(set(groups)))
    assert (hidden <= more).all()
    assert set(found[~more].tolist()) == set(groups)


@given(st.integers(1, 8) | st.none(), st.sampled_from([0.0, 0.2, 0.5]), st.integers(0, 99))
def test_a_draw_tests_alike_for_all_seeds_and_learns_from_the_pool(
    count: int | None, share: float, seed: int
) -> None:
    labels = np.arange(80) % 4
    if share and count == 1:
        count = 2
    drawn, other = (draw(labels, count, share, 0.5, 7, s, "key") for s in (seed, seed + 1))

    assert sorted([*drawn.test, *drawn.pool]) == list(range(80))
    assert np.bincount(labels[drawn.test]).tolist() == [10] * 4
    assert np.array_equal(drawn.test, other.test)
    learnt = [*drawn.train, *drawn.val]
    assert set(learnt) <= set(drawn.pool)
    assert np.bincount(labels[learnt]).tolist() == [count or 10] * 4
    assert (len(drawn.val) > 0) == (share > 0)


@given(st.floats(0.01, 1.0), st.floats(0.01, 1.0), st.integers(0, 99))
def test_a_share_of_every_class_is_bought_and_at_least_one(
    one: float, other: float, seed: int
) -> None:
    labels = np.repeat(np.arange(3), [1, 10, 40])
    small, large = (bought(labels, None, share, seed, "key") for share in sorted([one, other]))

    assert set(small) <= set(large)
    assert np.bincount(labels[small]).tolist() == [
        max(1, round(min(one, other) * size)) for size in (1, 10, 40)
    ]


def test_so_many_are_bought_or_all() -> None:
    assert np.array_equal(bought(LABELS, None, None, 0, "key"), np.arange(80))
    assert np.array_equal(bought(LABELS, 5, None, 1, "key"), few_per_class(LABELS, 5, 1, "key"))
    with pytest.raises(UserError, match=r"^dataset.labels: expected at most 20"):
        bought(LABELS, 21, None, 0, "dataset.labels")


@given(st.integers(4, 79), st.integers(0, 99))
def test_test_samples_are_even_and_larger_ones_contain_smaller_ones(limit: int, seed: int) -> None:
    small, large = (even_sample(LABELS, n, "all", seed, "d") for n in (limit, limit + 1))
    counts = np.bincount(LABELS[small], minlength=4)

    assert set(small) < set(large)
    assert np.array_equal(small, np.sort(small))
    assert len(small) == limit
    assert counts.max() - counts.min() <= 1
    assert np.array_equal(small, even_sample(LABELS, limit, "all", seed, "d"))


def test_a_test_sample_without_a_limit_is_all_and_one_too_small_is_refused() -> None:
    for limit in (None, 80, 81):
        assert even_sample(LABELS, limit, "all", 0).tolist() == list(range(80))
    assert not np.array_equal(
        even_sample(LABELS, 9, "all", 0, "d"), even_sample(LABELS, 9, "all", 0, "e")
    )
    with pytest.raises(
        UserError,
        match=r"^dataset.test_limit: expected at least 4, one example of each class of us, found 3;"
        r" try dataset.test_limit=40$",
    ):
        even_sample(LABELS, 3, "us", 0)
