import gzip
from collections.abc import Iterable
from typing import Any, get_args

import numpy as np
import pytest
from sklearn.datasets import load_digits

from tlrun.core.errors import UserError
from tlrun.core.problem import Problem, Split
from tlrun.data.datasets.digits import SHIFTS, Digits, Shift, _halves, images_and_digits
from tlrun.data.images.digits_file import _read


def every_split(problem: Problem) -> list[Split]:
    learning = [s for d in problem.domains.values() for s in (d.train, d.val) if s is not None]
    return [*learning, *problem.test.open().values()]


@pytest.mark.parametrize(
    "options", [{}, {"val_share": 0.4}, {"classes": "split"}, {"labels_per_class": 20}]
)
def test_no_example_is_in_two_splits(options: dict[str, Any]) -> None:
    splits = every_split(Digits(**options).load(seed=3))
    rows = np.concatenate([split.index for split in splits])

    assert len(splits) == (6 if options.get("val_share") else 4)
    assert len(set(rows.tolist())) == len(rows)


def test_seeds_draw_labels_and_never_move_the_test_set() -> None:
    one, other = Digits().load(seed=0), Digits().load(seed=1)

    for name in ("source", "target"):
        mine, theirs = one.test.open()[name], other.test.open()[name]
        assert np.array_equal(mine.array, theirs.array)
        assert np.array_equal(mine.index, theirs.index)
    assert not np.array_equal(
        one.domains["target"].train.index, other.domains["target"].train.index
    )
    assert one.digest != other.digest


def test_the_digest_sees_the_test_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Digits().load(seed=0)
    seen: list[Split | None] = []

    def digest(splits: Iterable[Split | None]) -> str:
        seen.extend(splits)
        return ""

    monkeypatch.setattr("tlrun.data.assembly.digest", digest)
    Digits().load(seed=0)
    test = plain.test.open()

    for name in ("source", "target"):
        assert any(
            split is not None and np.array_equal(split.index, test[name].index) for split in seen
        )


def test_seeds_draw_validation_labels_too() -> None:
    one, other = (Digits(val_share=0.4).load(seed=seed).domains for seed in (0, 1))

    for name in ("source", "target"):
        mine, theirs = one[name].val, other[name].val
        assert mine is not None
        assert theirs is not None
        assert not np.array_equal(mine.index, theirs.index)


def test_split_seed_moves_the_test_set_and_the_shift() -> None:
    one, other = Digits().load(seed=0).test.open(), Digits(split_seed=1).load(seed=0).test.open()

    assert not np.array_equal(one["target"].index, other["target"].index)


def test_labels_per_class_buys_training_and_validation_together() -> None:
    target = Digits(labels_per_class=10, val_share=0.3).load(seed=0).domains["target"]

    assert target.val is not None
    assert np.bincount(target.train.labels["digit"]).tolist() == [7] * 10
    assert np.bincount(target.val.labels["digit"]).tolist() == [3] * 10


@pytest.mark.parametrize("val_share", [0.0, 0.3])
def test_a_larger_draw_contains_the_smaller_one_of_its_seed(val_share: float) -> None:
    """Of training and validation together, so that more labels are those one had, and others."""
    bought = []
    for count in (4, 5, 12):
        domain = Digits(labels_per_class=count, val_share=val_share).load(seed=1).domains["target"]
        parts = [part.index.tolist() for part in (domain.train, domain.val) if part is not None]
        bought.append({row for part in parts for row in part})

    assert [len(rows) for rows in bought] == [40, 50, 120]
    assert bought[0] < bought[1] < bought[2]


def test_labels_and_images_are_scikit_learns() -> None:
    pixels, digits = load_digits(return_X_y=True)
    for split in every_split(Digits(shift="none").load(seed=0)):
        assert np.array_equal(split.labels["digit"], digits[split.index])
        assert np.allclose(split.array.reshape(len(split), -1) * 16, pixels[split.index])


@pytest.mark.parametrize("shift", [shift for shift in get_args(Shift) if shift != "none"])
def test_a_shift_changes_the_target_alone_and_keeps_it_an_image(shift: Shift) -> None:
    plain, shifted = Digits(shift="none").load(seed=0), Digits(shift=shift).load(seed=0)

    assert set(SHIFTS) == set(get_args(Shift))
    assert np.array_equal(
        plain.domains["source"].train.array, shifted.domains["source"].train.array
    )
    ours, theirs = plain.test.open()["target"], shifted.test.open()["target"]
    assert np.array_equal(ours.index, theirs.index)
    assert np.abs(ours.array - theirs.array).mean() > 0.02
    assert theirs.array.min() >= 0.0
    assert theirs.array.max() <= 1.0 + 1e-6


def test_an_occluded_image_has_a_dark_patch() -> None:
    ours, theirs = (
        Digits(shift=s).load(seed=0).test.open()["target"].array for s in ("none", "occlusion")
    )
    changed = ours != theirs

    assert (theirs[changed] == 0).all()
    assert changed.reshape(len(changed), -1).sum(axis=1).max() <= 16


def test_split_classes_have_a_label_space_each() -> None:
    problem = Digits(classes="split").load(seed=0)

    assert not problem.one_label_space
    assert problem.tasks["digit_0_to_4"].classes == ("0", "1", "2", "3", "4")
    assert problem.tasks["digit_5_to_9"].classes == ("5", "6", "7", "8", "9")
    _, digits = load_digits(return_X_y=True)
    target = problem.domains["target"].train
    assert np.array_equal(target.labels["digit_5_to_9"] + 5, digits[target.index])


def test_more_labels_than_there_are_are_refused() -> None:
    with pytest.raises(UserError, match=r"dataset.labels_per_class: expected at most \d+"):
        Digits(labels_per_class=500).load(seed=0)


def test_the_metric_can_be_chosen() -> None:
    assert Digits(metric="auc").load(seed=0).tasks["digit"].metric == "auc"


def test_the_digits_are_in_the_file_that_is_named() -> None:
    (file,) = Digits().files()
    with gzip.open(file) as rows:
        table = np.loadtxt(rows, delimiter=",")
    images, digits = images_and_digits()

    assert (table[:, -1] == digits).all()
    assert (table[:, :-1] / 16.0 == images.reshape(len(images), -1)).all()


def test_what_seeds_share_is_as_if_each_were_read_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    together = [Digits().load(seed) for seed in (0, 1)]
    monkeypatch.setattr("tlrun.data.datasets.digits._halves", _halves.__wrapped__)
    monkeypatch.setattr("tlrun.data.images.digits_file._read", _read.__wrapped__)
    alone = [Digits().load(seed) for seed in (0, 1)]

    for one, other in zip(together, alone, strict=True):
        assert one.identity == other.identity
        assert one.examples == other.examples
        for mine, theirs in zip(every_split(one), every_split(other), strict=True):
            assert mine.array.tobytes() == theirs.array.tobytes()


def test_what_seeds_share_cannot_be_written_to() -> None:
    for shown in _halves("noise", "shared", 0):
        for array in (shown.images, shown.digits, shown.rows):
            assert not array.flags.writeable
    for split in every_split(Digits().load(seed=0)):
        assert split.array.flags.writeable
        assert split.index.flags.writeable
