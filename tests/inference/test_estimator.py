"""Estimators that are put together from coefficients say what the fitted ones said, to the bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from answering import cells, columns_of, of_test, on_table, without

import tlrun
from tlrun.core.errors import UserError
from tlrun.core.task import Task
from tlrun.inference.estimator import fitted_of
from tlrun.strategies.constant_prediction import ConstantPrediction
from tlrun.strategies.estimator import Documents
from tlrun.strategies.linear_model import LinearModel
from tlrun.strategies.tfidf import Tfidf

from problems import sign

KINDS = Task("t", "multiclass", ("a", "b", "c", "d"))
TWO = Task("t", "binary", ("no", "yes"))
NUMBER = Task("t", "regression")
TEXTS = ["good film", "bad film so", "a good one", "so bad", "fine and good", "bad bad"]


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        (KINDS, [0, 1, 2, 3, 0, 1]),
        (KINDS, [0, 2, 2, 0, 2, 0]),  # two classes that nobody has
        (TWO, [0, 1, 1, 0, 0, 1]),
        (NUMBER, [0.5, -1.0, 2.0, 0.1, 0.3, -0.7]),
    ],
)
@pytest.mark.parametrize(
    "strategy", [LinearModel(), ConstantPrediction(), Tfidf(), Tfidf(ngrams=1)]
)
def test_the_same_bits(strategy: Any, task: Task, labels: list[Any]) -> None:
    x: Any = np.random.default_rng(0).normal(size=(6, 3))
    new: Any = np.random.default_rng(1).normal(size=(9, 3))
    if isinstance(strategy, Tfidf):
        x = Documents(TEXTS, np.eye(2)[[0, 0, 1, 1, 0, 1]])
        new = Documents(["never seen", "so good", "film of bad"], np.eye(2)[[1, 0, 1]])
    fitted = strategy.fit(task, x, np.array(labels), 0)
    again = fitted_of(strategy, task, fitted.weights, 6)

    assert np.array_equal(again(new), fitted.outputs(new))


def test_texts_without_a_word_are_answered_by_a_constant_too() -> None:
    documents = Documents(["!!", "?"], np.zeros((2, 0)))
    fitted = Tfidf().fit(TWO, documents, np.array([0, 1]), 0)
    again = fitted_of(Tfidf(), TWO, fitted.weights, 2)
    assert np.array_equal(again(documents), fitted.outputs(documents))


@pytest.mark.parametrize("rows", ["own", "pooled"])
@pytest.mark.parametrize("name", ["linear_model", "constant_prediction"])
def test_each_domain_is_answered_as_it_was_learnt(name: str, rows: str, tmp_path: Path) -> None:
    strategy = {"name": name, "rows": rows}
    folder = on_table(tmp_path, strategy, task="site", ignore=None)
    predictor, table = tlrun.load(folder), cells()
    for domain in "AB":
        said, places = of_test(folder, f"{domain}/ill")
        new = without(columns_of([table[row] for row in places]), "ill")
        answers, _ = predictor.answers(new)
        logits = np.log(answers["ill"].values[:, 1] / answers["ill"].values[:, 0])
        np.testing.assert_allclose(logits, said[:, 0], rtol=1e-9, atol=1e-9)


def test_coefficients_that_are_none_are_refused(tmp_path: Path) -> None:
    folder = on_table(tmp_path, {"name": "linear_model"})
    (folder / "model.safetensors").write_bytes(b"x")
    sign(folder)
    with pytest.raises(UserError, match=r"model\.safetensors: expected its coefficients, found"):
        tlrun.load(folder)
