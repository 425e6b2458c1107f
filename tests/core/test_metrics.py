import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tlrun.core.metrics import METRICS, predicted_class, primary, score
from tlrun.core.problem import Task

THREE = Task("three", "multiclass", ("a", "b", "c"))
TWO = Task("two", "binary", ("no", "yes"))
REAL = Task("real", "regression")


def test_a_perfect_answer_scores_one_and_a_worse_one_less() -> None:
    labels = np.array([0, 1, 2, 1, 0])
    perfect = np.eye(3)[labels] * 9
    flags, numbers = np.array([0, 1, 1, 0]), np.array([0.5, 2.0, -1.0, 3.0])

    assert score("accuracy", THREE, perfect, labels) == 1.0
    assert score("auc", THREE, perfect, labels) == 1.0
    assert score("auc", TWO, flags[:, None] - 0.5, flags) == 1.0
    assert score("accuracy", TWO, flags[:, None] - 0.5, flags) == 1.0
    assert score("r2", REAL, numbers[:, None], numbers) == 1.0
    assert score("r2", REAL, np.full((4, 1), numbers.mean()), numbers) == 0.0
    assert score("accuracy", THREE, -perfect, labels) == 0.0
    assert score("auc", TWO, 0.5 - flags[:, None], flags) == 0.0


def test_multiclass_auc_is_the_mean_of_one_against_the_rest_by_probability() -> None:
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((60, 3)).astype(np.float32), np.arange(60) % 3
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)

    mean = np.mean([roc_auc_score(labels == k, probabilities[:, k]) for k in range(3)])

    assert score("auc", THREE, logits, labels) == pytest.approx(mean)


def test_auc_of_two_classes_is_the_binary_one() -> None:
    rng = np.random.default_rng(0)
    logits, labels = rng.standard_normal((40, 2)), np.arange(40) % 2
    pair = Task("pair", "multiclass", ("a", "b"))

    assert score("auc", pair, logits, labels) == pytest.approx(
        score("auc", TWO, logits[:, 1:] - logits[:, :1], labels)
    )


def test_a_score_that_labels_leave_undefined_is_none() -> None:
    assert score("auc", TWO, np.ones((3, 1)), np.array([1, 1, 1])) is None
    assert score("auc", THREE, np.eye(3)[:2], np.array([0, 1])) is None
    assert score("r2", REAL, np.ones((1, 1)), np.ones(1)) is None
    assert score("accuracy", THREE, np.ones((0, 3)), np.array([], dtype=int)) is None


def test_primary_metric_is_the_kinds_own_unless_the_task_says_otherwise() -> None:
    assert [primary(task) for task in (THREE, TWO, REAL)] == ["accuracy", "auc", "r2"]
    assert primary(Task("two", "binary", ("no", "yes"), metric="accuracy")) == "accuracy"
    assert set(METRICS) == {"multiclass", "binary", "regression"}


def test_a_metric_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a metric of a regression task, found auc"):
        score("auc", REAL, np.ones((2, 1)), np.ones(2))


def test_predicted_class_is_the_most_probable() -> None:
    assert predicted_class(THREE, np.array([[0.0, 2.0, 1.0]])).tolist() == [1]
    assert predicted_class(TWO, np.array([[-0.1], [0.1]])).tolist() == [0, 1]
