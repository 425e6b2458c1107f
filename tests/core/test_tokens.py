"""Texts of any lengths read as the lists of ids that they are, padded at their ends."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.inputs import digest_of, joined, selected, spec_of
from tlrun.core.tokens import PADDING, Tokens, by_length

from reviews import tokens

LENGTHS = st.lists(st.integers(0, 9), min_size=1, max_size=12)


def as_lists(texts: Tokens) -> list[list[int]]:
    """What `texts` should give, by a loop over what they hold."""
    every = range(len(texts.offsets) - 1) if texts.rows is None else texts.rows.tolist()
    return [texts.values[texts.offsets[k] : texts.offsets[k + 1]].tolist() for k in every]


@given(LENGTHS, st.data())
def test_any_rows_are_padded_to_the_longest_of_them_alone(
    lengths: list[int], data: st.DataObject
) -> None:
    texts = tokens(lengths)
    rows = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), max_size=9)), np.int64)
    wanted = [as_lists(texts)[row] for row in rows]
    found = texts[rows]

    assert found.shape == (len(rows), max([1, *map(len, wanted)]) if len(rows) else 1)
    assert found.dtype == np.int32
    for row, ids in zip(found, wanted, strict=True):
        assert row[: len(ids)].tolist() == ids
        assert (row[len(ids) :] == PADDING).all()


@given(LENGTHS, st.data())
def test_rows_of_rows_are_rows(lengths: list[int], data: st.DataObject) -> None:
    texts = tokens(lengths)
    rows = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=9)))
    again = np.array(data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=5)), np.int64)
    some = selected(selected(texts, rows), again)

    assert isinstance(some, Tokens)
    assert as_lists(some) == [as_lists(texts)[rows[k]] for k in again]
    assert some.lengths.tolist() == [lengths[rows[k]] for k in again]
    assert np.array_equal(some.keys(), texts.keys()[rows[again]])


def test_the_digest_is_of_every_id_where_it_stands_and_of_nothing_else() -> None:
    texts = tokens([3, 1, 2])
    values = texts.values.copy()
    values[4] += 1
    moved = Tokens(texts.values, np.array([0, 2, 4, 6]), 3, 50, texts.contents)
    kept = Tokens(texts.values, texts.offsets, 3, 50, texts.contents, texts=["a", "b", "c"])

    assert digest_of(kept) == digest_of(texts)
    assert digest_of(texts.select(np.array([0, 1, 2]))) == digest_of(texts)
    others = [
        Tokens(values, texts.offsets, 3, 50, texts.contents),
        Tokens(texts.values, texts.offsets, 3, 51, texts.contents),
        Tokens(texts.values, texts.offsets, 4, 50, texts.contents),
        moved,
        texts.select(np.array([1, 0, 2])),
    ]
    assert len({digest_of(other) for other in [texts, *others]}) == 6


def test_what_one_text_is() -> None:
    spec = spec_of(tokens([3, 7]))

    assert (spec.kind, spec.shape, spec.dtype, spec.vocabulary) == ("tokens", (7,), "int32", 50)
    assert spec.words == "texts of at most 7 tokens"


def test_several_are_put_together_in_order() -> None:
    several = [tokens([3, 1], 0), tokens([5], 1), tokens([2, 2, 4], 2).select(np.array([2, 0]))]
    both = joined(several)

    assert isinstance(both, Tokens)
    assert as_lists(both) == [ids for each in several for ids in as_lists(each)]
    assert both.longest == 5


def test_texts_are_handed_out_where_they_are_at_hand() -> None:
    bare = tokens([1, 2, 3])
    texts = Tokens(bare.values, bare.offsets, 3, 50, bare.contents, texts=["a", "b c", "d e f"])

    assert texts.select(np.array([2, 0])).documents() == ["d e f", "a"]
    assert texts.documents(np.array([1])) == ["b c"]
    with pytest.raises(ValueError, match="expected texts"):
        bare.documents()


@given(st.lists(st.integers(0, 30), min_size=1, max_size=40), st.integers(1, 60))
def test_groups_of_like_length_hold_every_text_once_and_no_more_than_they_may(
    lengths: list[int], most: int
) -> None:
    array = np.array(lengths, np.int64)
    groups = by_length(array, most)

    assert sorted(np.concatenate(groups).tolist()) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or len(group) * array[group].max() <= most
    # in order: no group has a text shorter than one before it has
    joint = np.concatenate([array[group] for group in groups])
    assert (np.diff(joint) >= 0).all()
