import numpy as np
import pytest
import torch

from tlrun.core.metrics import score
from tlrun.core.task import Task
from tlrun.runs.folds import _auc_within, _means, pooled_predictions

TWO = Task("two", "binary", ("no", "yes"))
THREE = Task("three", "multiclass", ("a", "b", "c"))


def fold(rows: list[int], offset: float = 0.0) -> dict[str, torch.Tensor]:
    index = torch.tensor(rows)
    return {
        "d/two": index[:, None] + offset,
        "d/two/labels": index % 2,
        "d/two/index": index,
        "e/two": torch.ones(2, 1) + offset,
        "e/two/labels": torch.tensor([0, 1]),
        "e/two/index": torch.tensor([7, 9]),
    }


def test_predictions_are_in_the_order_of_rows_with_the_fold_that_each_tested_in() -> None:
    pooled = pooled_predictions([fold([4, 0]), fold([1, 3], 0.5), fold([2])])

    assert pooled["d/two/index"].tolist() == [0, 1, 2, 3, 4]
    assert pooled["d/two/fold"].tolist() == [0, 1, 2, 1, 0]
    assert pooled["d/two"][:, 0].tolist() == [0.0, 1.5, 2.0, 3.5, 4.0]
    assert pooled["d/two/labels"].tolist() == [0, 1, 0, 1, 0]


def test_what_every_fold_tests_alike_is_kept_of_the_first() -> None:
    pooled = pooled_predictions([fold([4, 0]), fold([1, 3], 0.5)])

    assert pooled["e/two/index"].tolist() == [7, 9]
    assert pooled["e/two"].tolist() == [[1.0], [1.0]]
    assert pooled["e/two/fold"].tolist() == [0, 0]


def test_a_domain_that_folds_share_any_row_of_is_not_folded() -> None:
    """A source row may be dropped in the folds alone that may learn its twin."""
    one, other = fold([4, 0]), fold([1, 3])
    for name in ("e/two", "e/two/labels", "e/two/index"):
        other[name] = other[name][:1]
    pooled = pooled_predictions([one, other])

    assert pooled["e/two/index"].tolist() == [7, 9]
    assert pooled["e/two/fold"].tolist() == [0, 0]
    assert pooled["d/two/index"].tolist() == [0, 1, 3, 4]


def test_the_groups_of_rows_stay_with_them_where_there_are_any() -> None:
    folds = [fold([4, 0]), fold([1, 3], 0.5), fold([2])]
    without = pooled_predictions(folds)
    for each in folds:
        for key in ("d/two", "e/two"):
            each[f"{key}/group"] = each[f"{key}/index"] // 2
    pooled = pooled_predictions(folds)

    assert not any(name.endswith("/group") for name in without)
    assert pooled["d/two/group"].tolist() == [0, 0, 1, 1, 2]
    assert pooled["e/two/group"].tolist() == [3, 4]


def test_a_fold_that_diverged_leaves_no_auc() -> None:
    labels, outputs = np.array([0, 1, 0, 1]), np.array([[0.0], [1.0], [np.nan], [np.nan]])

    assert _auc_within(TWO, outputs, labels, np.array([0, 0, 1, 1])) is None


def test_a_mean_over_folds_needs_a_score_of_each() -> None:
    whole, without = {"d/t": {"loss": 1.0}, "e/t": {"loss": 3.0}}, {"d/t": {"loss": 2.0}}

    for order in ([whole, without], [without, whole]):
        assert _means(order) == {"d/t": {"loss": 1.5}, "e/t": {"loss": None}}  # type: ignore[arg-type]


def test_an_auc_is_the_share_of_pairs_of_one_fold_that_are_in_order() -> None:
    rng = np.random.default_rng(0)
    labels, outputs = rng.integers(0, 2, 60), rng.normal(size=(60, 1))
    folds = rng.integers(0, 4, 60)
    right = pairs = 0
    for k in range(4):
        for i in np.flatnonzero((folds == k) & (labels == 1)):
            for j in np.flatnonzero((folds == k) & (labels == 0)):
                pairs += 1
                right += outputs[i, 0] > outputs[j, 0]

    assert _auc_within(TWO, outputs, labels, folds) == pytest.approx(right / pairs)


def test_a_scale_of_its_own_in_each_fold_moves_no_auc() -> None:
    rng = np.random.default_rng(0)
    labels, outputs = rng.integers(0, 2, 60), rng.normal(size=(60, 1))
    folds = rng.integers(0, 4, 60)

    assert _auc_within(TWO, outputs, labels, folds) == _auc_within(
        TWO, outputs + 100 * folds[:, None], labels, folds
    )
    assert _auc_within(TWO, outputs, labels, 0 * folds) == score("auc", TWO, outputs, labels)


def test_folds_without_a_pair_do_not_count() -> None:
    labels, outputs = np.array([0, 1, 1, 1]), np.array([[0.0], [1.0], [2.0], [3.0]])

    assert _auc_within(TWO, outputs, labels, np.array([0, 0, 1, 1])) == 1.0
    assert _auc_within(TWO, outputs, labels, np.array([0, 1, 1, 1])) is None
    assert _auc_within(THREE, np.eye(3), np.array([0, 1, 2]), np.zeros(3, dtype=int)) == 1.0
