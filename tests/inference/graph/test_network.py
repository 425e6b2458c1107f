"""What stands in a graph for a layer or an estimator says what that says."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tlrun.core.task import Task
from tlrun.inference.estimator import fitted_of
from tlrun.inference.graph.network import OTHERWISE, _Linear
from tlrun.strategies.linear_model import LinearModel

FOUR = Task("t", "multiclass", ("a", "b", "c", "d"))
TWO = Task("t", "binary", ("no", "yes"))
NUMBER = Task("t", "regression", (), None, 70.0, 12.0)


def test_a_bag_is_the_mean_of_the_tokens_that_are_there() -> None:
    bag = nn.EmbeddingBag(9, 4, mode="mean", padding_idx=0)
    ids = torch.tensor([[1, 2, 2], [5, 0, 0], [0, 0, 0]])

    said = OTHERWISE[nn.EmbeddingBag](bag)(ids)

    torch.testing.assert_close(said, bag(ids))


@pytest.mark.parametrize(
    ("task", "present"), [(FOUR, [0, 1, 2, 3]), (FOUR, [1, 3]), (FOUR, [0, 2, 3]), (TWO, [0, 1])]
)
def test_coefficients_say_what_the_estimator_says(task: Task, present: list[int]) -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(7, 3))
    wide = len(present) if len(present) > 2 else 1
    parts = {
        "coefficients": rng.normal(size=(wide, 3)),
        "intercept": rng.normal(size=wide),
        "classes": np.array(present),
    }

    said = _Linear(task, parts, np.zeros(0), 20)(torch.from_numpy(rows))

    wanted = fitted_of(LinearModel(), task, parts, 20)(rows)
    np.testing.assert_allclose(said.numpy(), wanted, rtol=1e-12)


def test_what_a_domain_adds_is_one_number_of_it() -> None:
    parts = {"coefficients": np.array([[2.0, 5.0, -1.0]]), "intercept": np.array([0.5])}

    said = _Linear(NUMBER, parts, np.array([0.0, 1.0]), 9)(torch.tensor([[3.0]]).double())

    assert said.item() == pytest.approx(70 + 12 * (2 * 3 - 1 + 0.5))
