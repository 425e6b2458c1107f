import numpy as np
import pytest

from tlrun.core.problem import Split
from tlrun.runs.estimator_inputs import inputs_of, joined, texts_of
from tlrun.strategies.estimator import Documents

from texts import LONGEST, part, tokens

TEXTS = ["one two", "", "three", "two two one"]


def numbers(dtype: type) -> Split:
    inputs: np.ndarray = np.arange(24).reshape(4, 1, 2, 3).astype(dtype)
    return Split(inputs, {}, np.arange(4))


def test_rows_are_flat_then_come_the_domains() -> None:
    rows = np.array([True, False, True, True])
    alone = inputs_of(numbers(np.float32), slice(None), "a", ("a",))
    pooled = inputs_of(numbers(np.float32), rows, "b", ("a", "b"))

    assert isinstance(alone, np.ndarray)
    assert isinstance(pooled, np.ndarray)
    assert alone.dtype == pooled.dtype == np.float64
    assert np.array_equal(alone, np.arange(24.0).reshape(4, 6))
    assert np.array_equal(pooled[:, :6], alone[rows])
    assert np.array_equal(pooled[:, 6:], [[0.0, 1.0]] * 3)


def test_bytes_are_floats_up_to_one() -> None:
    found = inputs_of(numbers(np.uint8), slice(None), "a", ("a",))

    assert isinstance(found, np.ndarray)
    assert np.array_equal(found, np.arange(24.0).reshape(4, 6) / 255)


@pytest.mark.parametrize("domains", [("a",), ("a", "b", "c")])
def test_texts_come_as_they_were_read_beside_their_domains(domains: tuple[str, ...]) -> None:
    ours = part(0, 20)
    rows = np.arange(20) % 3 == 0
    found = inputs_of(ours, rows, "a", domains)

    assert isinstance(found, Documents)
    assert found.texts == ours.inputs.documents(rows)  # type: ignore[attr-defined]
    assert len(found) == 7
    assert np.array_equal(found.domains, [[1.0, 0.0, 0.0][: len(domains)]] * 7) or (
        found.domains.shape == (7, 0)
    )


def test_ids_are_words_where_texts_are_not_at_hand() -> None:
    """Whatever rows are asked for, and however they are padded."""
    without = tokens(TEXTS, at_hand=False)
    one, two, three = (without.values[[0, 1, 2]]).tolist()
    words = [f"{one} {two}", "", f"{three}", f"{two} {two} {one}"]

    assert texts_of(tokens(TEXTS), slice(None)) == TEXTS
    assert texts_of(without, slice(None)) == words
    assert texts_of(without, np.array([True, False, True, False])) == [words[0], words[2]]
    assert texts_of(without.select(np.array([3, 0])), slice(None)) == [words[3], words[0]]
    assert texts_of(without, np.zeros(4, bool)) == []


def test_texts_stay_beside_their_tokens_where_several_are_joined() -> None:
    """As in folds; where some are not at hand, none are."""
    one, other = tokens(TEXTS), tokens(["four", "five"]).select(np.array([1]))
    without = tokens(TEXTS, at_hand=False)

    assert texts_of(one.joined([other]), slice(None)) == [*TEXTS, "five"]
    assert one.joined([without]).texts is without.joined([one]).texts is None


def test_other_texts_of_the_same_ids_are_other_inputs() -> None:
    """What reads texts tells them apart, so a run on these must not be found for those."""
    longer = [" ".join(["word"] * LONGEST + [end]) for end in ("", "end")]
    one, other = (tokens([text]) for text in longer)

    assert np.array_equal(one.values, other.values)
    assert one.digest() != other.digest()
    assert one.digest() == tokens(longer[:1], at_hand=False).digest()
    assert tokens(longer).select(np.array([1])).digest() == other.digest()


def test_parts_of_one_kind_are_joined_in_order() -> None:
    one, other = Documents(["a"], np.eye(2)[:1]), Documents(["b", "c"], np.eye(2)[[1, 1]])
    both = joined([one, other])

    assert isinstance(both, Documents)
    assert list(both.texts) == ["a", "b", "c"]
    assert both.domains.tolist() == [[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]
    rows = joined([np.eye(2), np.ones((1, 2))])
    assert isinstance(rows, np.ndarray)
    assert np.array_equal(rows, [[1, 0], [0, 1], [1, 1]])
