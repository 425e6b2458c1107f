"""A mapped file reads as the array that it holds does, and copies nothing until it is asked."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.lib.format import open_memmap

from tlrun.core.inputs import digest_of, selected
from tlrun.core.mapped import Mapped
from tlrun.data.examples import row_hashes

ARRAY = np.random.default_rng(0).integers(0, 256, (9, 1, 2, 3), np.uint8)
KEYS = np.stack([np.frombuffer(key, np.uint8) for key in row_hashes(ARRAY)])
ROWS = st.lists(st.integers(0, 8), max_size=20)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    path = tmp_path_factory.mktemp("map") / "array.npy"
    np.save(path, ARRAY)
    return np.load(path, mmap_mode="r")  # type: ignore[no-any-return]  # numpy's own


@given(rows=ROWS, again=st.lists(st.integers(0, 3), max_size=6))
def test_any_rows_in_any_order_are_those_of_the_array(
    file: np.ndarray, rows: list[int], again: list[int]
) -> None:
    mapped, places = Mapped(file), np.array(rows, np.int64)

    assert np.array_equal(mapped[places], ARRAY[places])
    chosen = mapped.select(places)
    assert chosen.shape == (len(rows), 1, 2, 3)
    assert np.array_equal(chosen[:], ARRAY[places])
    inner = np.array([place for place in again if place < len(rows)], np.int64)
    assert np.array_equal(chosen.select(inner)[:], ARRAY[places][inner])
    assert np.array_equal(chosen[1:3], ARRAY[places][1:3])


def test_masks_choose_too(file: np.ndarray) -> None:
    mask = np.arange(9) % 3 == 0

    assert np.array_equal(Mapped(file)[mask], ARRAY[mask])
    assert np.array_equal(selected(Mapped(file), mask)[:], ARRAY[mask])


def test_what_is_read_is_a_copy_that_may_be_written_to(file: np.ndarray) -> None:
    for rows in (slice(0, 2), np.array([0, 1])):
        found = Mapped(file)[rows]
        found += 1
        assert np.array_equal(Mapped(file)[:], ARRAY)


def test_stored_keys_stand_for_the_content(file: np.ndarray) -> None:
    """They are those that would be computed, and nothing is read for them."""
    mapped = Mapped(file, KEYS).select(np.array([4, 1, 8]))

    assert list(row_hashes(mapped)) == list(row_hashes(ARRAY[[4, 1, 8]]))
    unread = Mapped(np.empty_like(ARRAY), KEYS).select(np.array([4, 1, 8]))
    assert digest_of(unread) == digest_of(mapped)
    assert digest_of(mapped) != digest_of(Mapped(file, KEYS).select(np.array([1, 4, 8])))


def test_without_keys_the_digest_is_of_every_byte(file: np.ndarray, tmp_path: Path) -> None:
    other = open_memmap(tmp_path / "other.npy", "w+", ARRAY.dtype, ARRAY.shape)
    other[:] = ARRAY
    assert digest_of(Mapped(other)) == digest_of(Mapped(file))
    other[8, 0, 1, 2] ^= 1
    assert digest_of(Mapped(other)) != digest_of(Mapped(file))
    with pytest.raises(ValueError, match="expected keys stored with the inputs"):
        Mapped(file).keys()
