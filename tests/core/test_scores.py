import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, softmax
from sklearn import metrics
from sklearn.metrics import roc_auc_score

from tlrun.core import scores
from tlrun.core.metrics import score
from tlrun.core.scores import predicted_class
from tlrun.core.task import Task

THREE = Task("three", "multiclass", ("a", "b", "c"))
TWO = Task("two", "binary", ("no", "yes"))
REAL = Task("real", "regression")
SEEDS = st.integers(0, 2**32 - 1)


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


@given(SEEDS, st.integers(2, 12))
def test_auc_is_the_share_of_pairs_in_the_right_order(seed: int, n: int) -> None:
    """A tie counts half."""
    rng = np.random.default_rng(seed)
    labels, outputs = np.arange(n) % 2, rng.integers(0, 4, (n, 1)).astype(float)
    pairs = [(outputs[i, 0], outputs[j, 0]) for i in range(1, n, 2) for j in range(0, n, 2)]
    right = [1.0 if above > below else 0.5 if above == below else 0.0 for above, below in pairs]

    assert score("auc", TWO, outputs, labels) == pytest.approx(sum(right) / len(right))


@given(SEEDS)
def test_accuracy_and_r2_by_their_definitions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, logits = rng.integers(0, 3, 20), rng.standard_normal((20, 3))
    assert score("accuracy", THREE, logits, labels) == (logits.argmax(axis=1) == labels).mean()

    numbers, outputs = rng.standard_normal(20), rng.standard_normal((20, 1))
    left = ((numbers - outputs[:, 0]) ** 2).sum() / ((numbers - numbers.mean()) ** 2).sum()
    assert score("r2", REAL, outputs, numbers) == pytest.approx(1 - left)


def test_predicted_class_is_the_most_probable() -> None:
    assert predicted_class(THREE, np.array([[0.0, 2.0, 1.0]])).tolist() == [1]
    assert predicted_class(TWO, np.array([[-0.1], [0.1]])).tolist() == [0, 1]


@given(SEEDS)
def test_scores_of_three_classes_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, logits = rng.permutation(np.arange(30) % 3), 3 * rng.standard_normal((30, 3))
    chances, classes = softmax(logits, axis=1), logits.argmax(axis=1)

    assert scores.accuracy(THREE, logits, labels) == metrics.accuracy_score(labels, classes)
    assert scores.balanced_accuracy(THREE, logits, labels) == pytest.approx(
        metrics.balanced_accuracy_score(labels, classes)
    )
    assert scores.log_loss(THREE, logits, labels) == pytest.approx(
        metrics.log_loss(labels, chances)
    )
    assert scores.brier(THREE, logits, labels) == pytest.approx(
        ((chances - np.eye(3)[labels]) ** 2).sum(axis=1).mean()
    )


@given(SEEDS)
def test_scores_of_two_classes_are_those_of_scikit_learn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, logits = rng.permutation(np.arange(20) % 2), 3 * rng.standard_normal((20, 1))
    chances, classes = expit(logits[:, 0]), (logits[:, 0] > 0).astype(int)

    assert scores.balanced_accuracy(TWO, logits, labels) == pytest.approx(
        metrics.balanced_accuracy_score(labels, classes)
    )
    assert scores.log_loss(TWO, logits, labels) == pytest.approx(metrics.log_loss(labels, chances))
    assert scores.brier(TWO, logits, labels) == pytest.approx(
        metrics.brier_score_loss(labels, chances)
    )


@given(SEEDS, st.floats(1e-3, 1e6), st.floats(-1e6, 1e6))
def test_errors_of_numbers_are_those_of_scikit_learn(
    seed: int, scale: float, location: float
) -> None:
    rng = np.random.default_rng(seed)
    labels = location + scale * rng.standard_normal(20)
    outputs = location + scale * rng.standard_normal((20, 1))

    assert scores.mae(REAL, outputs, labels) == pytest.approx(
        metrics.mean_absolute_error(labels, outputs[:, 0])
    )
    assert scores.rmse(REAL, outputs, labels) == pytest.approx(
        metrics.root_mean_squared_error(labels, outputs[:, 0])
    )


@given(SEEDS)
def test_two_logits_are_one_of_their_difference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels, logits = rng.permutation(np.arange(20) % 2), rng.standard_normal((20, 2))
    pair, one = Task("pair", "multiclass", ("a", "b")), logits[:, 1:] - logits[:, :1]

    for compute in (scores.accuracy, scores.balanced_accuracy, scores.log_loss, scores.brier):
        assert compute(pair, logits, labels) == pytest.approx(compute(TWO, one, labels))


def test_a_class_that_is_no_label_does_not_count_in_balanced_accuracy() -> None:
    logits = np.eye(3)[[0, 1, 2, 2]]

    assert scores.balanced_accuracy(THREE, logits, np.array([0, 0, 1, 1])) == 0.25


def test_a_sure_and_wrong_answer_has_a_loss_that_is_no_infinity() -> None:
    """log p is computed from the logits: p itself would be 0."""
    assert scores.log_loss(TWO, np.array([[-1000.0]]), np.array([1])) == 1000.0
    assert scores.log_loss(THREE, np.array([[0.0, 2000.0, 0.0]]), np.array([0])) == 2000.0
