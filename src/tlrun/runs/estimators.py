"""A run of an estimator: each of its tasks fitted at once, then the test."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from tlrun.core.notes import StrategyWarning
from tlrun.core.problem import Problem, Split, known
from tlrun.core.seeding import stream
from tlrun.core.task import Task, TaskKey
from tlrun.runs.estimator_inputs import inputs_of, joined
from tlrun.runs.final_evaluation import evaluate_estimators
from tlrun.runs.screen import Screen
from tlrun.strategies.base import Stage
from tlrun.strategies.constant_prediction import constant
from tlrun.strategies.estimator import Documents, EstimatorStrategy, Fitted
from tlrun.strategies.schedules import Constant

if TYPE_CHECKING:
    from torch import Tensor

SAY = 2.0  # seconds that a user waits without a word


class EstimatorRun:
    """The estimators of one run, one a task and domain, or pooled one a task.

    strategy: what fits them. problem: as the run's seed draws it; without a target it is about all
    its tasks, else about the target's. seed: the run's.
    """

    def __init__(self, strategy: EstimatorStrategy, problem: Problem, seed: int) -> None:
        self._strategy, self._problem, self._seed = strategy, problem, seed
        about = problem.only("target") if problem.named("target") else problem
        self.keys = tuple(about.task_keys)
        self._fitted: dict[str, Fitted] = {}

    def fit(self, name: str, screen: Screen, threads: int) -> None:
        """Fit them all. name: what the screen calls the run. threads: of OpenMP and BLAS."""
        stage = Stage("fits", self._domains_seen(), len(self.keys), lam=Constant(0.0))
        shown, started = False, time.monotonic()
        with threadpool_limits(threads):
            for count, key in enumerate(self.keys, start=1):
                fitted_as = self._called(key)
                if fitted_as not in self._fitted:
                    self._fitted[fitted_as] = self._fit(key)
                if not shown and time.monotonic() - started > SAY:
                    shown = True
                    screen.begin(name, stage)
                if shown:
                    screen.step(count, {})
        if shown:
            screen.end()
        told = Counter(text for each in self._fitted.values() for text in each.warnings)
        for text, count in told.items():
            of = f" ({count} of {len(self._fitted)} tasks)" if len(self._fitted) > 1 else ""
            screen.note(StrategyWarning(text=f"{name}: {text}{of}"))

    def evaluate(self, threads: int) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Open the test set: result.json, and what predictions.safetensors holds."""
        with threadpool_limits(threads):
            return evaluate_estimators(
                self._problem, self.keys, self._outputs, self._domains_seen()
            )

    @property
    def weights(self) -> dict[str, Tensor]:
        """The coefficients of all; empty where the estimators have none to keep."""
        weights = {}
        for name, fitted in self._fitted.items():
            for part, values in fitted.weights.items():
                weights[f"{name}/{part}"] = torch.from_numpy(np.ascontiguousarray(values))
        return weights

    def _called(self, key: TaskKey) -> str:
        """What the estimator that answers for a task is called: tasks that are pooled share one."""
        return f"pooled/{key.task}" if self._strategy.rows == "pooled" else str(key)

    def _rows_of(self, key: TaskKey) -> tuple[str, ...]:
        """The domains whose rows the estimator of a task learns from."""
        if self._strategy.rows == "own":
            return (key.domain,)
        return tuple(other.domain for other in self._problem.task_keys if other.task == key.task)

    def _domains_seen(self) -> tuple[str, ...]:
        """The domains that any of them learns from, in order."""
        seen = {domain for key in self.keys for domain in self._rows_of(key)}
        return tuple(name for name in self._problem.domains if name in seen)

    def _fit(self, key: TaskKey) -> Fitted:
        task, domains = self._problem.task_keys[key], self._rows_of(key)
        inputs, labels = [], []
        for name in domains:
            for split in self._problem.domains[name].bought:  # nothing is chosen by val
                given = split.labels[task.name]
                inputs.append(inputs_of(split, known(given), name, domains))
                labels.append(given[known(given)])
        return fit_task(
            self._strategy,
            task,
            joined(inputs),
            np.concatenate(labels),
            stream(self._seed, "estimator", key.task),
        )

    def _outputs(self, domain: str, tasks: Sequence[Task], split: Split) -> Mapping[str, Tensor]:
        outputs = {}
        for task in tasks:
            key = TaskKey(domain, task.name)
            answers = np.empty((0, task.outputs))  # scikit-learn takes no table without rows
            if len(split):
                inputs = inputs_of(split, slice(None), domain, self._rows_of(key))
                answers = self._fitted[self._called(key)].outputs(inputs)
            outputs[task.name] = torch.from_numpy(answers)
        return outputs


def fit_task(
    strategy: EstimatorStrategy,
    task: Task,
    inputs: np.ndarray | Documents,
    labels: np.ndarray,
    seed: int,
) -> Fitted:
    """What `strategy` learns of a task from the inputs of N rows and labels [N], all present.

    Numbers are standardised first, as a head learns them. Of one class alone there is nothing to
    learn, and the answer is constant.
    """
    if task.kind == "regression":
        labels = (labels.astype(np.float64) - task.location) / task.scale
    elif len(np.unique(labels)) < 2:
        return constant(task, labels)
    return strategy.fit(task, inputs, labels, seed)
