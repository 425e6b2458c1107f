from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import logsumexp

from tlrun.core.task import Task
from tlrun.inference.combined import Part, combined, probabilities

KINDS = Task("t", "multiclass", ("a", "b", "c"))
TWO = Task("t", "binary", ("no", "yes"))
NUMBER = Task("t", "regression")
LOGITS = arrays(np.float64, (4, 3), elements=st.floats(-50, 50))


def parts(*of: tuple[float, float]) -> list[Part]:
    return [Part(number, *each) for number, each in enumerate(of)]  # type: ignore[arg-type]  # any key


@given(LOGITS, LOGITS, st.floats(0, 1), st.floats(0.1, 10))
def test_probabilities_are_mixed_after_each_temperature(
    one: np.ndarray, other: np.ndarray, weight: float, temperature: float
) -> None:
    said: Any = {0: one, 1: other}
    p = combined(KINDS, parts((weight, temperature), (1 - weight, 1.0)), said.__getitem__)
    logs = [z - logsumexp(z, axis=1, keepdims=True) for z in (one / temperature, other)]

    expected = weight * np.exp(logs[0]) + (1 - weight) * np.exp(logs[1])
    np.testing.assert_allclose(p, expected, atol=1e-12)
    np.testing.assert_allclose(p.sum(axis=1), 1)


def test_one_logit_is_the_second_classs() -> None:
    p = probabilities(TWO, np.array([[0.0], [2.0], [-800.0]]))
    np.testing.assert_allclose(p[:, 1], [0.5, 1 / (1 + np.exp(-2)), 0])
    np.testing.assert_allclose(p.sum(axis=1), 1)


def test_numbers_have_no_temperature() -> None:
    said: Any = {0: np.array([[1.0], [3.0]]), 1: np.array([[5.0], [5.0]])}
    answers = combined(NUMBER, parts((0.75, 9.0), (0.25, 1.0)), said.__getitem__)
    assert answers.tolist() == [2.0, 3.5]


def test_float32_is_not_mixed_in_float32() -> None:
    said: Any = {0: np.array([[0.1, 0.2, 0.3]], np.float32)}
    p = combined(KINDS, parts((1.0, 1.0)), said.__getitem__)
    assert p.dtype == np.float64
    assert p.sum() == pytest.approx(1, abs=1e-15)
