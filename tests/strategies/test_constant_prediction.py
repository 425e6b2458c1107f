import numpy as np
import pytest
from scipy.special import expit, softmax

from tlrun.core.task import Task
from tlrun.strategies.constant_prediction import ConstantPrediction, constant

NEW = np.zeros((4, 2))


def test_of_classes_it_is_their_share_with_one_row_more_of_each() -> None:
    three, two = Task("t", "multiclass", ("a", "b", "c")), Task("t", "binary", ("no", "yes"))

    assert np.allclose(
        softmax(constant(three, np.array([0, 0, 1, 1, 1])).outputs(NEW), axis=1),
        [[3 / 8, 4 / 8, 1 / 8]] * 4,
    )
    assert np.allclose(expit(constant(two, np.array([1, 1, 1])).outputs(NEW)), [[4 / 5]] * 4)


def test_of_numbers_it_is_their_mean() -> None:
    labels = np.array([1.0, 2.0, 6.0])
    fitted = ConstantPrediction().fit(Task("t", "regression"), NEW[:3], labels, 0)

    assert fitted.outputs(NEW).tolist() == [[3.0]] * 4
    assert fitted.weights["answer"] == pytest.approx([3.0])
