from collections.abc import Sequence

import pytest

from tlrun.core.problem import Domain, HeldOutTest, Problem, Role
from tlrun.core.task import Task
from tlrun.strategies.estimator import EstimatorStrategy
from tlrun.strategies.estimator_controls import estimator_controls
from tlrun.strategies.feature_transfer import FeatureTransfer
from tlrun.strategies.shared_parameters import SharedParameters
from tlrun.strategies.single_task import SingleTask
from tlrun.strategies.task_relation import TaskRelation

from problems import problem, questions, split
from texts import reviews

ONE, OTHER = Task("one", "multiclass", ("a", "b")), Task("other", "regression")
EACH = ["constant_prediction", "linear_model", "gradient_boosting"]
POOLED = ["linear_model, pooled", "gradient_boosting, pooled"]


def table(*domains: tuple[Role, Sequence[Task]]) -> Problem:
    """Domains whose inputs are vectors, each with a role and tasks."""
    parts = {}
    for number, (role, tasks) in enumerate(domains):
        name = f"d{number}"
        parts[name] = Domain(name, role, tuple(tasks), split(number, 12, tuple(tasks), shape=(4,)))
    return Problem(parts, HeldOutTest({}), "digest")


@pytest.mark.parametrize(
    ("ours", "pooled"),
    [
        (table(("peer", [ONE])), []),
        (table(("peer", [ONE, OTHER])), []),
        (table(("peer", [ONE]), ("peer", [ONE])), POOLED),
        (table(("source", [ONE]), ("target", [ONE])), POOLED),
        (table(("source", [ONE]), ("target", [OTHER])), []),
    ],
)
def test_pooled_ones_are_there_where_several_domains_have_the_task(
    ours: Problem, pooled: list[str]
) -> None:
    controls = estimator_controls(ours)

    assert sorted(controls) == sorted(EACH + pooled)
    for name, control in controls.items():
        assert isinstance(control.strategy, EstimatorStrategy)
        assert control.strategy.rows == ("pooled" if name in POOLED else "own")


@pytest.mark.parametrize(
    ("ours", "pooled"),
    [
        (reviews("peer"), set()),
        (reviews("peer", "peer"), {"tfidf, pooled"}),
        (reviews("source", "target"), {"tfidf, pooled"}),
    ],
)
def test_texts_have_a_linear_model_of_their_words(ours: Problem, pooled: set[str]) -> None:
    controls = estimator_controls(ours)

    assert set(controls) == {"constant_prediction", "tfidf"} | pooled
    for name, control in controls.items():
        assert isinstance(control.strategy, EstimatorStrategy)
        assert "tokens" in control.strategy.takes
        assert control.strategy.rows == ("pooled" if name in pooled else "own")


def test_images_have_none() -> None:
    assert estimator_controls(problem()) == estimator_controls(questions("binary")) == {}


def test_every_claim_about_a_table_or_texts_is_measured_against_them() -> None:
    transfer = table(("source", [ONE]), ("target", [ONE]))
    for strategy in (FeatureTransfer(), SharedParameters(), SingleTask(), TaskRelation()):
        assert set(strategy.controls(transfer)) >= {*EACH, *POOLED}
        assert set(strategy.controls(reviews("source", "target"))) >= {"tfidf", "tfidf, pooled"}
