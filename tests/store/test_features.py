import os
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch

from tlrun.core.notes import EntryDamaged, Note, Waiting
from tlrun.models.backbones.conv import Conv
from tlrun.models.build import draw_model
from tlrun.models.model import Model
from tlrun.store.entries import entries
from tlrun.store.features import HOME, FeatureStore

from problems import SHAPE, SPEC, no_note, problem

INPUTS = np.random.default_rng(0).standard_normal((6, *SHAPE)).astype(np.float32)
Z = np.random.default_rng(1).standard_normal((6, 16)).astype(np.float32)


def never() -> Iterator[np.ndarray]:
    raise AssertionError("computed anew")


def gives(features: np.ndarray) -> Callable[[], Iterator[np.ndarray]]:
    """A computation of these features, in parts."""
    return lambda: iter([features[:4], features[4:]])


@pytest.fixture
def store(tmp_path: Path) -> FeatureStore:
    return FeatureStore(tmp_path, {"torch": "2", "threads": 1}, no_note)


@pytest.fixture
def model() -> Model:
    model = draw_model(
        Conv(channels=(4,), norm="batch"),
        SPEC,
        problem("split").tasks_by_domain,
        "source",
        0,
    )
    model.track(["source", "target"])
    return model


def test_the_second_time_they_are_read(store: FeatureStore, model: Model) -> None:
    for compute in (gives(Z), never, never):
        found = store.get(model.trunk.extractor("source"), INPUTS, compute)
        assert np.array_equal(found[:], Z)
        assert found.dtype == Z.dtype


def test_features_found_serve_as_computed_ones_do(store: FeatureStore, model: Model) -> None:
    for compute in (gives(Z), never):
        found = store.get(model.trunk.extractor("source"), INPUTS, compute)
        torch.from_numpy(found[:]).add_(0)  # warns of an array that cannot be written


def nudge_weight(model: Model) -> None:
    weight = model.backbone.get_parameter("0.weight").data.view(-1)
    weight[0] = torch.nextafter(weight[0], torch.tensor(9.0))


def train_a_batch(model: Model) -> None:
    model.train()
    model.trunk(torch.randn(8, *SHAPE) + 5, "source")


@pytest.mark.parametrize("change", [nudge_weight, train_a_batch])
def test_another_phi_has_other_features(
    store: FeatureStore, model: Model, change: Callable[[Model], None]
) -> None:
    store.get(model.trunk.extractor("source"), INPUTS, gives(Z))
    change(model)

    assert np.array_equal(
        store.get(model.trunk.extractor("source"), INPUTS, gives(Z + 1))[:], Z + 1
    )
    assert np.array_equal(store.get(model.trunk.extractor("source"), INPUTS, never)[:], Z + 1)


def test_statistics_of_another_domain_and_heads_decide_nothing(
    store: FeatureStore, model: Model
) -> None:
    store.get(model.trunk.extractor("target"), INPUTS, gives(Z))
    train_a_batch(model)
    for head in model.heads.parameters():
        head.data.add_(1)

    assert np.array_equal(store.get(model.trunk.extractor("target"), INPUTS, never)[:], Z)


def test_weights_are_told_apart_by_name_type_and_shape(store: FeatureStore) -> None:
    weight = torch.arange(4.0)
    alike = [
        {"w": weight},
        {"v": weight},
        {"w": weight.view(torch.int32)},
        {"w": weight.view(2, 2)},
    ]
    for number, weights in enumerate(alike):
        store.get(weights, INPUTS, gives(Z + number))

    assert [
        store.get(weights, INPUTS, never)[:1][0, 0] - Z[0, 0] for weights in alike
    ] == pytest.approx([0, 1, 2, 3])


@pytest.mark.parametrize(
    "inputs",
    [
        INPUTS[::-1],
        INPUTS[:5],
        INPUTS.astype(np.float64),
        INPUTS.view(np.int32),
        INPUTS.reshape(6, 16),
    ],
)
def test_other_inputs_have_other_features(store: FeatureStore, inputs: np.ndarray) -> None:
    weights = {"w": torch.ones(2)}
    store.get(weights, INPUTS, gives(Z))

    others = Z[: len(inputs)] + 1
    assert np.array_equal(store.get(weights, inputs, gives(others))[:], others)
    assert np.array_equal(store.get(weights, INPUTS.copy(), never)[:], Z)


def test_another_maker_has_other_features(store: FeatureStore) -> None:
    weights = {"w": torch.ones(2)}
    store.get(weights, INPUTS, gives(Z))

    other = replace(store, maker={"torch": "2", "threads": 2})
    assert np.array_equal(other.get(weights, INPUTS, gives(Z + 1))[:], Z + 1)
    again = replace(store, maker={"threads": 1, "torch": "2"})
    assert np.array_equal(again.get(weights, INPUTS, never)[:], Z)


def test_a_layout_in_memory_decides_nothing(store: FeatureStore) -> None:
    weights = {"w": torch.randn(3, 4)}
    store.get(weights, INPUTS, gives(Z))

    found = store.get({"w": weights["w"].T.contiguous().T}, np.asfortranarray(INPUTS), never)
    assert np.array_equal(found[:], Z)


def test_features_of_any_layout_come_back(store: FeatureStore) -> None:
    for compute in (gives(np.asfortranarray(Z)), never):
        assert np.array_equal(store.get({}, INPUTS, compute)[:], Z)


@pytest.mark.parametrize("name", ["features.npy", "manifest.json"])
def test_a_flipped_bit_is_noticed_told_and_mended(store: FeatureStore, name: str) -> None:
    notes: list[Note] = []
    store = replace(store, note=notes.append)
    weights = {"w": torch.ones(2)}
    store.get(weights, INPUTS, gives(Z))
    (place,) = entries(store.runs_dir, HOME)
    content = bytearray((place.path / name).read_bytes())
    content[-9] ^= 1
    (place.path / name).write_bytes(content)

    found = store.get(weights, INPUTS, gives(Z))

    assert np.array_equal(found[:], Z)
    (note,) = notes
    assert isinstance(note, EntryDamaged)
    assert (note.what, note.path) == ("features", place.path)
    assert name in note.problem
    assert np.array_equal(store.get(weights, INPUTS, never)[:], Z)
    assert len(notes) == 1


def test_an_entry_that_is_whole_and_holds_no_features_is_mended(store: FeatureStore) -> None:
    notes: list[Note] = []
    store = replace(store, note=notes.append)
    weights = {"w": torch.ones(2)}
    store.get(weights, INPUTS, gives(Z))
    (place,) = entries(store.runs_dir, HOME)
    wrong: list[np.ndarray] = [
        Z[:5],
        Z.astype(np.int8),
        Z.astype(np.float64),
        Z[:, 0],
        Z[:, :15],
        Z.astype(object),
    ]
    archive = BytesIO()
    np.savez(archive, z=Z)
    contents = [b"none", b"", archive.getvalue(), *(as_npy(z) for z in wrong)]
    for files in ({}, *({"features.npy": content} for content in contents)):
        place.write(files)
        found = store.get(weights, INPUTS, gives(Z), Z.shape[1])
        assert np.array_equal(found[:], Z)
    assert [type(note) for note in notes] == [EntryDamaged] * (1 + len(contents))


def as_npy(array: np.ndarray) -> bytes:
    written = BytesIO()
    np.save(written, array)
    return written.getvalue()


def test_features_of_other_inputs_in_their_place_are_told_and_mended(store: FeatureStore) -> None:
    notes: list[Note] = []
    store = replace(store, note=notes.append)
    weights = [{"w": torch.ones(2)}, {"w": torch.zeros(2)}]
    store.get(weights[0], INPUTS, gives(Z))
    (one,) = entries(store.runs_dir, HOME)
    store.get(weights[1], INPUTS, gives(Z + 1))
    (other,) = (each for each in entries(store.runs_dir, HOME) if each != one)
    one.path.rename(store.runs_dir / "aside")
    other.path.rename(one.path)
    (store.runs_dir / "aside").rename(other.path)

    for number in range(2):
        z = Z + number
        assert np.array_equal(store.get(weights[number], INPUTS, gives(z))[:], z)
        assert np.array_equal(store.get(weights[number], INPUTS, never)[:], z)
    told = [note.problem for note in notes if isinstance(note, EntryDamaged)]
    assert [other.path.name in told[0], one.path.name in told[1]] == [True, True]


def test_two_that_race_compute_once(store: FeatureStore) -> None:
    waiting, computed = threading.Event(), []
    notes: list[Note] = []

    def note(told: Note) -> None:
        notes.append(told)
        waiting.set()

    def compute() -> Iterator[np.ndarray]:
        assert waiting.wait(20)  # until the other one has found this one at work
        computed.append(1)
        yield Z

    racing = replace(store, note=note)
    with ThreadPoolExecutor(2) as pool:
        found = list(
            pool.map(lambda _: racing.get({"w": torch.ones(2)}, INPUTS, compute), range(2))
        )

    assert all(np.array_equal(z[:], Z) for z in found)
    assert len(computed) == 1
    (place,) = entries(store.runs_dir, HOME)
    who = f"process {os.getpid()} on {socket.gethostname()}"
    assert notes == [Waiting(path=place.path, who=who, doing="computing features")]


def test_a_failed_computation_keeps_nothing(store: FeatureStore) -> None:
    with pytest.raises(AssertionError, match="computed anew"):
        store.get({}, INPUTS, never)

    assert np.array_equal(store.get({}, INPUTS, gives(Z))[:], Z)


def test_a_weight_may_have_any_name(store: FeatureStore) -> None:
    store.get({"inputs": torch.zeros(2)}, INPUTS, gives(Z))

    assert np.array_equal(store.get({"inputs": torch.ones(2)}, INPUTS, gives(Z + 1))[:], Z + 1)
