"""What every estimator owes, whatever it fits; a new one is taken up by itself."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, softmax

from tlrun.config.registry import find, names
from tlrun.core.metrics import METRICS, score
from tlrun.core.objective import Lam, Steps
from tlrun.core.problem import Split
from tlrun.core.task import Task
from tlrun.models.model import Model
from tlrun.strategies.estimator import Documents, EstimatorStrategy, as_head
from tlrun.strategies.schedules import Constant

from problems import problem, split
from texts import part

THREE = Task("three", "multiclass", ("a", "b", "c"))
TWO = Task("two", "binary", ("no", "yes"))
REAL = Task("real", "regression")
FOUND = {name: find("strategy", name) for name in names("strategy")}
ESTIMATORS = [name for name, cls in FOUND.items() if issubclass(cls, EstimatorStrategy)]
each = pytest.mark.parametrize("name", ESTIMATORS)
each_task = pytest.mark.parametrize("task", [THREE, TWO, REAL], ids=lambda task: task.kind)


def made(name: str) -> EstimatorStrategy:
    strategy = FOUND[name]()
    assert isinstance(strategy, EstimatorStrategy)
    return strategy


def learnable(name: str, task: Task, n: int = 200) -> tuple[Split, np.ndarray | Documents]:
    """Examples whose label can be told from six numbers, or from a text, and these as they are fed.

    Numbers in float64, the label in the first; texts for an estimator that takes no numbers.
    """
    if "vector" in made(name).takes:
        ours = split(0, n, (task,), shape=(6,))
        return ours, ours.array.astype(np.float64)
    ours = part(0, n, (task,))
    return ours, Documents(ours.inputs.documents(), np.zeros((n, 0)))  # type: ignore[attr-defined]


@each
@each_task
def test_it_answers_as_a_head_would_and_twice_the_same(name: str, task: Task) -> None:
    ours, inputs = learnable(name, task)
    outputs = [
        made(name).fit(task, inputs, ours.labels[task.name], 7).outputs(inputs) for _ in range(2)
    ]

    assert outputs[0].shape == (200, task.outputs)
    assert np.isfinite(outputs[0]).all()
    assert np.array_equal(outputs[0], outputs[1])


@each
@each_task
def test_it_learns_what_can_be_learnt_unless_it_is_constant(name: str, task: Task) -> None:
    ours, inputs = learnable(name, task)
    labels = ours.labels[task.name]
    outputs = made(name).fit(task, inputs, labels, 0).outputs(inputs)
    metric = METRICS[task.kind][0]
    found = score(metric, task, outputs, labels)
    assert found is not None

    if name == "constant_prediction":
        assert found == pytest.approx({"auc": 0.5, "r2": 0.0}.get(metric, found), abs=1e-9)
    else:
        assert found > {"accuracy": 0.55, "auc": 0.75, "r2": 0.3}[metric]


@each
def test_it_has_no_stage_and_no_objective(name: str) -> None:
    strategy = made(name)

    assert strategy.stages(problem(), Constant(1.0), 5) == ()
    assert strategy.needs == ()
    assert strategy.ignores == {"lam", "backbone", "optimizer", "trainer"}
    with pytest.raises(TypeError, match="is fitted at once"):
        strategy.objective(Steps(), Model.__new__(Model), Lam(1.0))


@given(st.integers(0, 2**32 - 1), st.sampled_from([(0, 1), (1, 2), (0, 2), (0, 1, 2), (2,)]))
def test_logits_of_some_classes_become_those_of_all(seed: int, present: tuple[int, ...]) -> None:
    """Probabilities keep their ratios, those of absent classes are 1/(n + k), and all add to 1."""
    logits = np.random.default_rng(seed).standard_normal((5, len(present)))
    chances = np.exp(as_head(THREE, present, logits, 17))
    absent = [k for k in range(3) if k not in present]

    assert np.allclose(chances.sum(axis=1), 1.0)
    assert np.allclose(chances[:, absent], 1 / 20)
    kept = chances[:, list(present)]
    assert np.allclose(kept / kept.sum(axis=1, keepdims=True), softmax(logits, axis=1))


def test_of_two_classes_the_one_logit_is_their_difference() -> None:
    logits = np.array([[0.5, 2.0], [0.0, -1.0]])

    assert np.allclose(expit(as_head(TWO, (0, 1), logits, 9))[:, 0], softmax(logits, axis=1)[:, 1])
