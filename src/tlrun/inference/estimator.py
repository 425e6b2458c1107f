"""What an estimator of scikit-learn says of new inputs, put together again from its coefficients.

Nothing was pickled. What stands in model.safetensors are arrays, and scikit-learn's own code reads
them, so that answers are the same to the bit. Shapes: N inputs, k outputs of a head.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file
from threadpoolctl import threadpool_limits

from tlrun.core.errors import Mistake, UserError
from tlrun.core.inputs import Inputs
from tlrun.core.problem import Split
from tlrun.core.task import Task, TaskKey
from tlrun.inference.kept_run import DAMAGED, KeptRun
from tlrun.runs.estimator_inputs import inputs_of
from tlrun.strategies.constant_prediction import ConstantPrediction
from tlrun.strategies.estimator import EstimatorStrategy, as_head
from tlrun.strategies.linear_model import LinearModel
from tlrun.strategies.tfidf import Tfidf, matrix, vectorizer_of
from tlrun.training.evaluation import Watch

Parts = Mapping[str, np.ndarray]
Answers = Callable[[Any], np.ndarray]


class Estimator:
    """The estimators of a run, one a task. tasks: those that they answer, by key.

    run: whose. tasks: of the run, scaled. fold: which; None where there are no folds.

    Raises UserError where no coefficients of them are kept, or none that this tl-run can read.
    """

    def __init__(self, run: KeptRun, tasks: Mapping[TaskKey, Task], fold: int | None) -> None:
        strategy = run.node("strategy")
        if not isinstance(strategy, LinearModel | Tfidf | ConstantPrediction):
            found = f"{run.config['strategy']['name']}, of which no model is kept"
            hint = "its scores are in result.json"
            expected = "a network, linear_model, tfidf or constant_prediction"
            raise UserError(Mistake(str(run.folder), expected, found, hint))
        try:
            file = run.folder / "model.safetensors"
            tensors = load_file(file)
            before = "" if fold is None else f"fold{fold}/"
            self._kept = {
                name.removeprefix(before): array
                for name, array in tensors.items()
                if name.startswith(before)
            }
        except (*DAMAGED, SafetensorError) as error:
            found = " ".join(str(error).split())[:200]
            raise UserError(Mistake(str(file), "its coefficients", found)) from None
        self._run, self._strategy, self._all = run, strategy, dict(tasks)
        self.tasks = {
            key: task for key, task in tasks.items() if key.domain in run.about and self.parts(key)
        }
        self._fitted: dict[str, Answers] = {}

    def outputs(self, key: TaskKey, inputs: Inputs, watch: Watch = iter) -> np.ndarray:
        """[N, k] of the task `key`: logits, or numbers in their unit; float64."""
        task, split = self.tasks[key], Split(inputs, {}, np.arange(len(inputs)))
        if not len(split):  # scikit-learn takes no table without rows
            return np.empty((0, task.outputs))
        with threadpool_limits(self._run.threads):
            given = inputs_of(split, slice(None), key.domain, self.rows_of(key))
            found = self._answers(key)(given)
        return task.location + task.scale * found if task.kind == "regression" else found

    def _called(self, key: TaskKey) -> str:
        return f"pooled/{key.task}" if self._strategy.rows == "pooled" else str(key)

    def parts(self, key: TaskKey) -> dict[str, np.ndarray]:
        """The coefficients of a task, by name."""
        before = f"{self._called(key)}/"
        return {n.removeprefix(before): a for n, a in self._kept.items() if n.startswith(before)}

    def rows_of(self, key: TaskKey) -> tuple[str, ...]:
        """The domains that it was learnt from."""
        if self._strategy.rows == "own":
            return (key.domain,)
        return tuple(other.domain for other in self._all if other.task == key.task)

    def learnt(self, key: TaskKey) -> int:
        """How many rows it was learnt from."""
        return sum(
            row["labels"]
            for row in self._run.data["splits"]
            if row["task"] == key.task
            and row["domain"] in self.rows_of(key)
            and row["split"] != "test"
        )

    def _answers(self, key: TaskKey) -> Answers:
        called = self._called(key)
        if called not in self._fitted:
            learnt = self.learnt(key)
            fitted = fitted_of(self._strategy, self.tasks[key], self.parts(key), learnt)
            self._fitted[called] = fitted
        return self._fitted[called]


def fitted_of(strategy: EstimatorStrategy, task: Task, parts: Parts, n: int) -> Answers:
    """What gives, of inputs, the outputs [N, k] of an estimator with the coefficients `parts`.

    n: the rows that it was learnt from, of which a class that none had gets its probability.
    Numbers are standardised.
    """
    if "answer" in parts:
        answer = parts["answer"]
        return lambda new: np.tile(answer, (len(new), 1))
    linear = _linear(task, parts, n)
    if not isinstance(strategy, Tfidf):
        return linear
    terms = parts["terms"].tobytes().decode().split("\n")
    vectorizer = vectorizer_of(terms, parts["idf"], strategy.ngrams)
    return lambda new: linear(matrix(vectorizer, new))


def _linear(task: Task, parts: Parts, n: int) -> Answers:
    from sklearn.linear_model import LogisticRegression, Ridge

    if task.kind == "regression":
        ridge = Ridge()
        ridge.coef_, ridge.intercept_ = parts["coefficients"][0], parts["intercept"][0]
        return lambda new: ridge.predict(new)[:, None]
    logistic = LogisticRegression()
    logistic.coef_, logistic.intercept_ = parts["coefficients"], parts["intercept"]
    logistic.classes_ = parts["classes"]
    present = parts["classes"].tolist()
    return lambda new: as_head(task, present, logistic.decision_function(new), n)
