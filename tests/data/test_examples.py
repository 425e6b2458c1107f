from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.data.examples import examples_digest, row_hashes

ROWS = st.lists(st.tuples(st.integers(0, 255), st.integers(0, 255)), min_size=1, max_size=20)


@given(ROWS, st.randoms(use_true_random=False))
def test_the_digest_knows_no_order(rows: list[tuple[int, int]], random: Random) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    one, other = (np.array(each, dtype=np.uint8) for each in (rows, shuffled))

    assert examples_digest(one) == examples_digest(other)


@given(ROWS)
def test_the_digest_sees_every_input_and_every_label(rows: list[tuple[int, int]]) -> None:
    inputs = np.array(rows, dtype=np.int64)
    labels = inputs[:, 0]
    changed = inputs.copy()
    changed[-1, 1] += 1000

    assert examples_digest(inputs) != examples_digest(changed)
    assert examples_digest(inputs, labels) != examples_digest(inputs, labels + 1)
    assert examples_digest(inputs) != examples_digest(inputs[:, :1])


def test_an_example_that_stands_twice_is_not_one_that_stands_once() -> None:
    row = np.ones((1, 3), np.float32)

    assert examples_digest(row) != examples_digest(np.repeat(row, 2, axis=0))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_rows_are_equal_where_their_hashes_are(dtype: type) -> None:
    rows: np.ndarray = np.array([[0, 1], [1, 0], [0, 1]], dtype=dtype)
    first, second, third = row_hashes(rows)

    assert first == third != second
