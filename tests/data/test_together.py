"""Batches that are read at once are those of each domain alone."""

from collections.abc import Callable

import pytest
import torch

from tlrun.core.problem import Split
from tlrun.core.task import Task
from tlrun.data import together as module
from tlrun.data.augmentation import Augmentation
from tlrun.data.batches import Batch, Batches
from tlrun.data.together import FEW, Together

from problems import split
from reviews import token_split

TASK, OTHER = Task("t", "multiclass", ("a", "b")), Task("u", "binary", ("a", "b"))
REAL = Task("r", "regression")


def uneven(place: int) -> Split:
    """Of other sizes in each domain."""
    return split(place, 7 + place, (TASK, OTHER))


def of_one(place: int) -> Split:
    return split(place, 9, (TASK,))


def of_two_types(place: int) -> Split:
    return split(place, 9 + place % 2, (TASK, REAL))


def of_other_tasks(place: int) -> Split:
    return split(place, 9, (TASK, OTHER)[: 1 + place % 2])


def of_other_names(place: int) -> Split:
    return split(place, 9, (Task(f"t{place}", "binary", ("a", "b")), OTHER))


def of_no_task(place: int) -> Split:
    return split(place, 9, ())


def of_other_shapes(place: int) -> Split:
    return split(place, 9, (TASK,), (1, 4 + place % 2, 4))


def of_texts(place: int) -> Split:
    return token_split([3, 1, 4] * 3, TASK, place)


KINDS = [
    uneven,
    of_one,
    of_two_types,
    of_other_tasks,
    of_other_names,
    of_no_task,
    of_other_shapes,
    of_texts,
]


def sequences(kind: Callable[[int], Split], number: int, size: int = 4) -> dict[str, Batches]:
    return {f"d{k}": Batches(kind(k), f"d{k}", size, seed=0, position=k) for k in range(number)}


def assert_same(one: Batch, other: Batch) -> None:
    assert torch.equal(one.inputs, other.inputs)
    assert list(one.labels) == list(other.labels)
    for task, values in one.labels.items():
        assert torch.equal(values, other.labels[task])
    assert one.passed == other.passed


@pytest.mark.parametrize("number", [1, FEW, FEW + 1, 9])
@pytest.mark.parametrize("kind", KINDS)
def test_every_batch_is_that_of_its_domain(kind: Callable[[int], Split], number: int) -> None:
    alone, ours = sequences(kind, number), sequences(kind, number)
    together = Together(ours)
    for _ in range(40):  # past what is drawn ahead, and past an epoch
        drawn = next(together)
        assert list(drawn) == list(alone)
        for name, each in alone.items():
            assert_same(drawn[name], next(each))
            assert ours[name].position == each.position


def test_where_one_is_augmented_of_another_size_or_all_are_large_each_is_drawn_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    augmented = Batches(of_one(0), "e", 4, 0, augmentation=Augmentation(["flip"], 9, 0, "e"))
    larger = Batches(of_one(0), "e", 5, 0)
    for other in (augmented, larger):
        drawn = next(Together(sequences(of_one, 5) | {"e": other}))
        assert {name: len(batch.inputs) for name, batch in drawn.items()} == {
            **{f"d{k}": 4 for k in range(5)},
            "e": other.size,
        }
    monkeypatch.setattr(module, "COPIED", 10)
    for name, batch in next(Together(sequences(uneven, 5))).items():
        assert_same(batch, next(sequences(uneven, 5)[name]))
