import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.mapped import Mapped
from tlrun.core.problem import Split
from tlrun.core.task import Task
from tlrun.core.tokens import Tokens
from tlrun.data import batches as module
from tlrun.data.augmentation import Augmentation
from tlrun.data.batches import Batches, as_batch

from problems import split
from reviews import token_split

TASK = Task("t", "multiclass", ("a", "b"))


def rows(batches: Batches, data: Split, count: int) -> list[int]:
    """The positions in `data` of the next `count` batches, one after the other."""
    place = {tuple(row.flatten().tolist()): k for k, row in enumerate(as_batch(data).inputs)}
    return [
        place[tuple(row.flatten().tolist())]
        for batch in itertools.islice(batches, count)
        for row in batch.inputs
    ]


@given(st.integers(1, 9), st.integers(1, 25))
def test_every_epoch_is_a_permutation_whatever_the_batch_size(n: int, size: int) -> None:
    data = split(0, n, (TASK,))
    drawn = rows(Batches(data, "d", size, seed=0), data, 3 * n)

    assert len(drawn) == 3 * n * size
    for epoch in range(3 * size):
        assert sorted(drawn[epoch * n : (epoch + 1) * n]) == list(range(n))


def test_a_batch_depends_on_seed_domain_and_position_alone() -> None:
    data = split(0, 10, (TASK,))
    straight = rows(Batches(data, "d", 4, seed=1), data, 6)
    jumped = Batches(data, "d", 4, seed=1)
    jumped.position = 3

    assert rows(jumped, data, 3) == straight[12:]
    assert rows(Batches(data, "d", 4, seed=2), data, 6) != straight
    assert rows(Batches(data, "e", 4, seed=1), data, 6) != straight


def test_every_epoch_has_an_order_of_its_own() -> None:
    """One permutation for all epochs would show an example beside the same neighbours for ever."""
    n, epochs = 20, 30
    data = split(0, n, (TASK,))
    drawn = rows(Batches(data, "d", n, seed=0), data, epochs)
    orders = [tuple(drawn[k : k + n]) for k in range(0, len(drawn), n)]

    assert len(set(orders)) == epochs
    # ... and none of them a shifted copy of another: who follows an example changes as well
    followers = [
        {(one, next_) for one, next_ in itertools.pairwise((*order, order[0]))} for order in orders
    ]
    assert all(len(one & other) < n // 2 for one, other in itertools.combinations(followers, 2))


def test_labels_stay_with_their_inputs() -> None:
    data = split(0, 10, (TASK,))
    everything = as_batch(data)
    batch = next(Batches(data, "d", 32, seed=0))

    for x, label in zip(batch.inputs, batch.labels["t"], strict=True):
        match = (everything.inputs == x).flatten(1).all(dim=1)
        assert everything.labels["t"][match].tolist() == [label]


def test_shares_count_the_labels_that_are_present() -> None:
    data = split(0, 10, (TASK,))
    data.labels["t"][:4] = -1

    assert Batches(data, "d", 4, seed=0).shares == {"t": 0.6}
    assert torch.equal(as_batch(data).labels["t"], torch.from_numpy(data.labels["t"]))


@given(st.integers(1, 9), st.integers(1, 70), st.lists(st.integers(0, 99), min_size=1, max_size=9))
def test_batches_drawn_ahead_are_those_of_a_sequence_that_starts_there(
    n: int, size: int, positions: list[int]
) -> None:
    """Wherever the position is set, backwards too, and however much was drawn ahead of it."""
    data = split(0, n, (TASK,))
    jumping = Batches(data, "d", size, seed=0)
    for position in positions:
        jumping.position = position
        fresh = Batches(data, "d", size, seed=0, position=position)
        assert torch.equal(next(jumping).inputs, next(fresh).inputs)


def test_large_batches_are_not_drawn_far_ahead() -> None:
    batches = Batches(split(0, 10, (TASK,)), "d", 2**15, seed=0)
    next(batches)

    assert len(batches._ahead) == 1


@pytest.fixture
def images(tmp_path: Path) -> Split:
    """Bytes in a file, of which the split has some, in an order of its own."""
    array = np.random.default_rng(0).integers(0, 256, (20, 3, 4, 4), np.uint8)
    np.save(tmp_path / "images.npy", array)
    index = np.array([3, 19, 0, 7, 8, 11, 2])
    mapped = Mapped(np.load(tmp_path / "images.npy", mmap_mode="r")).select(index)
    return Split(mapped, {"t": np.arange(7) % 2}, index)


@pytest.mark.parametrize("kept", [0, 2**20])
def test_batches_from_a_file_are_those_of_the_array_in_it(
    images: Split, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT", kept)
    in_memory = replace(images, inputs=images.array)

    for ours, theirs in itertools.islice(
        zip(Batches(images, "d", 3, 0), Batches(in_memory, "d", 3, 0), strict=True), 9
    ):
        assert torch.equal(ours.inputs, theirs.inputs)
        assert torch.equal(ours.labels["t"], theirs.labels["t"])
    assert torch.equal(as_batch(images).inputs, as_batch(in_memory).inputs)


def test_an_array_that_nobody_may_write_to_is_shared_without_a_warning(images: Split) -> None:
    array = images.array
    array.flags.writeable = False

    assert as_batch(replace(images, inputs=array)).inputs.data_ptr() == array.ctypes.data


@pytest.mark.parametrize("size", [2, 7, 17])
def test_an_example_is_augmented_alike_wherever_batches_fall(images: Split, size: int) -> None:
    """In each epoch every example is changed once, in one way, whatever the size of a batch."""

    def epochs(size: int) -> set[tuple[int, bytes]]:
        augmentation = Augmentation(["flip", "crop"], len(images), 0, "d")
        drawn = Batches(images, "d", size, 0, augmentation=augmentation)
        seen = []
        for batch in itertools.islice(drawn, 28 // size + 1):
            seen += [row.numpy().tobytes() for row in batch.inputs]
        return {(k // 7, row) for k, row in enumerate(seen[:28])}

    assert epochs(size) == epochs(1)


LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=40)


def drawn_rows(data: Split, size: int, count: int, seed: int = 0, position: int = 0) -> list[int]:
    """The places in `data` of the next `count` batches' texts; each text is one id of its own."""
    batches = Batches(data, "d", size, seed, position=position)
    found = []
    for batch in itertools.islice(batches, count):
        found += batch.inputs[:, 0].tolist()
    return found


def texts_of(lengths: list[int]) -> Split:
    """Texts of such lengths, the first id of each being its place and 2."""
    data = token_split(lengths, TASK)
    assert isinstance(data.inputs, Tokens)
    data.inputs.values[data.inputs.offsets[:-1]] = np.arange(len(lengths)) + 2
    return data


@given(LENGTHS, st.integers(1, 9))
def test_texts_are_drawn_once_an_epoch_and_padded_to_the_longest_of_a_batch(
    lengths: list[int], size: int
) -> None:
    data = texts_of(lengths)
    n = len(lengths)
    drawn = [row - 2 for row in drawn_rows(data, size, 3 * n)]

    for epoch in range(3 * size):
        assert sorted(drawn[epoch * n : (epoch + 1) * n]) == list(range(n))
    for place, batch in enumerate(itertools.islice(Batches(data, "d", size, 0), 3 * n)):
        rows = drawn[place * size : (place + 1) * size]
        assert np.array_equal(batch.inputs.numpy(), data.inputs[np.array(rows)])


@given(LENGTHS, st.integers(1, 9), st.integers(0, 30))
def test_a_batch_of_texts_depends_on_its_position_alone(
    lengths: list[int], size: int, position: int
) -> None:
    data = texts_of(lengths)
    straight = drawn_rows(data, size, position + 3)

    assert drawn_rows(data, size, 3, position=position) == straight[position * size :]


def test_batches_have_texts_of_like_length_in_an_order_that_tells_nothing() -> None:
    """Sorted within some batches, so a long text is not padded to; shuffled, so that an epoch does
    not go from short texts to long ones."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 200, 1600).tolist()
    data = token_split(lengths, TASK)
    batches = list(itertools.islice(Batches(data, "d", 16, 0), 100))
    padded = sum(batch.inputs.numel() for batch in batches)
    longest = [batch.inputs.shape[1] for batch in batches]

    assert padded < 1.05 * sum(lengths)
    assert abs(np.corrcoef(longest, np.arange(100))[0, 1]) < 0.3
    other = [batch.inputs.shape[1] for batch in itertools.islice(Batches(data, "d", 16, 1), 100)]
    assert longest != other


def test_features_of_texts_are_drawn_in_the_order_of_their_texts() -> None:
    """So that a run on features is paired with one that reads the texts."""
    data = texts_of([5, 1, 9, 3, 7, 2, 8, 4, 6, 10])
    features = np.arange(10, dtype=np.float32)[:, None]
    encoded = replace(data, inputs=features, passed=2)
    drawn = [
        place
        for batch in itertools.islice(Batches(encoded, "d", 3, 0), 7)
        for place in batch.inputs[:, 0].int().tolist()
    ]

    assert drawn == [row - 2 for row in drawn_rows(data, 3, 7)]


@pytest.mark.parametrize("kept", [2**28, 0])
def test_a_batch_of_texts_without_a_token_has_a_place(
    kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No layer takes texts of no places; padding it knows."""
    monkeypatch.setattr(module, "KEPT", kept)
    (batch,) = itertools.islice(Batches(token_split([0, 0, 0], TASK), "d", 3, 0), 1)

    assert batch.inputs.tolist() == [[0], [0], [0]]


def test_texts_that_are_too_many_to_keep_are_read_batch_by_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = texts_of([5, 1, 9, 3, 7, 2, 8, 4, 6, 10])
    kept = [batch.inputs for batch in itertools.islice(Batches(data, "d", 3, 0), 7)]
    monkeypatch.setattr(module, "KEPT", 0)
    read = [batch.inputs for batch in itertools.islice(Batches(data, "d", 3, 0), 7)]

    for one, other in zip(kept, read, strict=True):
        assert torch.equal(one, other)
