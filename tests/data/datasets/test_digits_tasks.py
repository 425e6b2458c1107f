from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tlrun.core.errors import UserError
from tlrun.core.metrics import primary
from tlrun.core.problem import Problem, Split
from tlrun.data.datasets.digits_tasks import DigitsTasks

PIXELS, DIGITS = load_digits(return_X_y=True)
NAMES = ("identity", "parity", "size")


def load(seed: int = 0, **options: Any) -> Problem:
    return DigitsTasks(**options).load(seed)


def learning(problem: Problem) -> dict[str, Split]:
    domain = problem.domains["digits"]
    return {"train": domain.train} | ({"val": domain.val} if domain.val is not None else {})


def every_split(problem: Problem) -> list[Split]:
    return [*learning(problem).values(), problem.test.open()["digits"]]


def missing(labels: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.isnan(labels) if labels.dtype.kind == "f" else labels == -1
    return found


def test_one_domain_has_a_task_of_each_kind() -> None:
    problem = load()

    assert problem.named("peer") == ("digits",)
    assert {name: task.kind for name, task in problem.tasks.items()} == {
        "identity": "multiclass", "parity": "binary", "size": "regression",
    }  # fmt: skip
    assert [task.outputs for task in problem.tasks.values()] == [10, 1, 1]
    assert [primary(task) for task in problem.tasks.values()] == ["accuracy", "auc", "r2"]
    assert primary(load(metric="auc").tasks["identity"]) == "auc"


@pytest.mark.parametrize(
    "options", [{}, {"val_share": 0.4}, {"labels_per_class": 20, "test_share": 0.3}]
)
def test_no_example_is_in_two_splits(options: dict[str, Any]) -> None:
    splits = every_split(load(3, **options))
    rows = np.concatenate([split.index for split in splits])

    assert len(splits) == (3 if "val_share" in options else 2)
    assert len(set(rows.tolist())) == len(rows)


@pytest.mark.parametrize("hidden", [0.0, 0.5])
def test_images_and_labels_say_the_same_of_every_digit(hidden: float) -> None:
    for split in every_split(load(hidden=hidden, val_share=0.2)):
        truth = DIGITS[split.index]
        assert np.allclose(split.array.reshape(len(split), -1) * 16, PIXELS[split.index])
        identity, parity, size = (split.labels[name] for name in NAMES)
        assert (missing(identity) | (identity == truth)).all()
        assert (missing(parity) | (parity == truth % 2)).all()
        known = ~missing(size)
        assert np.corrcoef(size[known], truth[known])[0, 1] == pytest.approx(1.0)
        assert [identity.dtype, parity.dtype, size.dtype] == [np.int64, np.int64, np.float32]


@pytest.mark.parametrize("hidden", [0.0, 0.6, 0.95])
def test_size_is_in_units_of_the_training_labels_that_are_left(hidden: float) -> None:
    problem = load(hidden=hidden)
    train, test = problem.domains["digits"].train, problem.test.open()["digits"]
    known = ~missing(train.labels["size"])
    left = DIGITS[train.index][known]

    assert train.labels["size"][known].mean() == pytest.approx(0.0, abs=1e-6)
    assert train.labels["size"][known].std() == pytest.approx(1.0, abs=1e-6)
    assert np.allclose(
        test.labels["size"], (DIGITS[test.index] - left.mean()) / left.std(), atol=1e-6
    )


def test_seeds_draw_labels_and_never_move_the_test_set() -> None:
    one, other = load(0, hidden=0.5), load(1, hidden=0.5)
    mine, theirs = one.test.open()["digits"], other.test.open()["digits"]

    assert np.array_equal(mine.array, theirs.array)
    assert np.array_equal(mine.index, theirs.index)
    assert not np.array_equal(learning(one)["train"].index, learning(other)["train"].index)
    assert one.digest != other.digest
    assert one.digest == load(0, hidden=0.5).digest


def test_split_seed_moves_the_test_set() -> None:
    assert not np.array_equal(
        load().test.open()["digits"].index, load(split_seed=1).test.open()["digits"].index
    )


def test_labels_per_class_buys_training_and_validation_together() -> None:
    found = learning(load(labels_per_class=10, val_share=0.3))

    assert np.bincount(DIGITS[found["train"].index]).tolist() == [7] * 10
    assert np.bincount(DIGITS[found["val"].index]).tolist() == [3] * 10


def test_a_larger_draw_contains_the_smaller_one_of_its_seed() -> None:
    few, many = (set(learning(load(labels_per_class=n))["train"].index.tolist()) for n in (5, 6))

    assert few < many
    assert len(many) == 60


@pytest.mark.parametrize("hidden", [0.2, 0.5, 0.95])
def test_hidden_labels_are_missing_of_each_task_on_its_own_and_never_in_test(hidden: float) -> None:
    full, problem = (
        load(labels_per_class=40, val_share=0.25),
        load(labels_per_class=40, val_share=0.25, hidden=hidden),
    )

    for name, split in learning(problem).items():
        gone = {task: missing(split.labels[task]) for task in NAMES}
        assert np.array_equal(split.index, learning(full)[name].index)
        assert {int(found.sum()) for found in gone.values()} == {round(hidden * len(split))}
        assert not np.array_equal(gone["identity"], gone["parity"])
        assert not np.array_equal(gone["identity"], gone["size"])
    for split in every_split(full):
        assert not any(missing(split.labels[task]).any() for task in NAMES)
    test = problem.test.open()["digits"]
    assert not any(missing(test.labels[task]).any() for task in NAMES)


def test_seeds_hide_other_labels() -> None:
    one, other = (
        missing(learning(load(seed, hidden=0.5))["train"].labels["parity"]) for seed in (0, 1)
    )

    assert not np.array_equal(one, other)


@pytest.mark.parametrize("seed", range(5))
def test_however_much_is_hidden_every_class_can_be_learnt(seed: int) -> None:
    train, val = learning(load(seed, labels_per_class=3, val_share=0.3, hidden=0.95)).values()

    assert set(train.labels["identity"].tolist()) == set(range(-1, 10))
    assert set(train.labels["parity"].tolist()) == {-1, 0, 1}
    assert len(set(train.labels["size"][~missing(train.labels["size"])].tolist())) == 10
    assert all((~missing(val.labels[task])).sum() == 1 for task in NAMES)


def test_more_labels_than_there_are_are_refused_in_a_line() -> None:
    with pytest.raises(
        UserError, match=r"^dataset.labels_per_class: expected at most \d+ .*, found 500$"
    ):
        load(labels_per_class=500)
    with pytest.raises(
        UserError, match=r"^dataset.val_share: expected to leave every class a label[^\n]*$"
    ):
        load(labels_per_class=1, val_share=0.5)
