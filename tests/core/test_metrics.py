import subprocess
import sys
from dataclasses import replace
from typing import cast, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.metrics import (
    METRICS,
    MIXED,
    TABLE,
    Metric,
    default_delta,
    every_score,
    headline_name,
    headline_of,
    metric_of,
    names_by_kind,
    primary,
    score,
)
from tlrun.core.scores import predicted_class
from tlrun.core.task import ClassificationMetric, Kind, MetricName, Task
from tlrun.models.backbones.mlp import Mlp
from tlrun.models.build import draw_model
from tlrun.report.formatting import gain_of, interval, number, with_unit
from tlrun.runs.final_evaluation import headline
from tlrun.training.evaluation import evaluate

from problems import SPEC, problem, questions

THREE = Task("three", "multiclass", ("a", "b", "c"))
TWO = Task("two", "binary", ("no", "yes"))
REAL = Task("real", "regression")
BY_KIND: dict[Kind, Task] = {"multiclass": THREE, "binary": TWO, "regression": REAL}
EVERY = [(metric, kind) for metric in TABLE.values() for kind in metric.kinds]
every = pytest.mark.parametrize(
    ("metric", "kind"), EVERY, ids=lambda part: getattr(part, "name", part)
)
SEEDS = st.integers(0, 2**32 - 1)


def truth(kind: Kind, n: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Labels [N] of a task of a kind, every class among them, and outputs [N, k] that fit them.

    Of classes they are sure: log loss prefers lucky noise to what is right and hardly so.
    """
    if kind == "regression":
        numbers = np.linspace(-1.0, 2.0, n)
        return numbers, numbers[:, None]
    labels = np.arange(n) % len(BY_KIND[kind].classes)
    return labels, 9 * np.eye(3)[labels] if kind == "multiclass" else 18 * labels[:, None] - 9.0


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


def test_a_score_that_labels_leave_undefined_is_none() -> None:
    assert score("auc", TWO, np.ones((3, 1)), np.array([1, 1, 1])) is None
    assert score("auc", THREE, np.eye(3)[:2], np.array([0, 1])) is None
    assert score("r2", REAL, np.ones((1, 1)), np.ones(1)) is None
    assert score("accuracy", THREE, np.ones((0, 3)), np.array([], dtype=int)) is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_a_score_of_outputs_beyond_all_bounds_is_none_and_no_word(value: float) -> None:
    outputs, labels = np.array([[0.0], [value], [1.0]]), np.array([0.0, 1.0, 2.0])
    with np.errstate(over="ignore"):
        assert score("r2", REAL, outputs, labels) is None
    if not np.isfinite(value):
        assert score("accuracy", TWO, outputs, np.array([0, 1, 1])) is None
        assert score("auc", TWO, outputs, np.array([0, 1, 1])) is None


def test_every_kind_has_one_primary_metric_and_it_is_the_first() -> None:
    assert set(METRICS) == set(get_args(Kind))
    for kind, names in METRICS.items():
        assert [name for name in names if kind in TABLE[name].primary_of] == [names[0]]
        assert set(names) == {name for name, metric in TABLE.items() if kind in metric.kinds}
        assert len(set(names)) == len(names)
    assert [primary(task) for task in (THREE, TWO, REAL)] == ["accuracy", "auc", "r2"]


def test_a_task_may_choose_its_primary_metric() -> None:
    assert primary(Task("two", "binary", ("no", "yes"), metric="accuracy")) == "accuracy"


def test_what_a_config_may_ask_for_is_what_there_is() -> None:
    """The types are spelled out for a type checker, and must follow the table."""
    assert set(get_args(MetricName)) == set(TABLE)
    assert set(get_args(ClassificationMetric)) == set(METRICS["multiclass"]) & set(
        METRICS["binary"]
    )


def test_names_can_stand_in_headlines_and_beside_the_loss() -> None:
    for name, metric in TABLE.items():
        assert name == metric.name
        assert name.isidentifier()
        assert name not in {MIXED, "loss"}


@every
@given(seed=SEEDS)
def test_which_way_is_better_is_that_of_outputs_nearer_to_the_truth(
    metric: Metric, kind: Kind, seed: int
) -> None:
    """The oracle: what fits beats noise, and its own opposite by more than nothing."""
    task, (labels, perfect) = BY_KIND[kind], truth(kind)
    noise = np.random.default_rng(seed).standard_normal(perfect.shape)
    best, chance, worst = (
        score(metric.name, task, outputs, labels) for outputs in (perfect, noise, -perfect)
    )
    assert best is not None
    assert chance is not None
    assert worst is not None

    assert metric.gain(best, chance) >= 0.0
    assert metric.gain(best, worst) > 0.0
    assert metric.gain(worst, best) == -metric.gain(best, worst)


@every
def test_a_score_needs_as_many_different_labels_as_the_metric_says(
    metric: Metric, kind: Kind
) -> None:
    task, (labels, outputs) = BY_KIND[kind], truth(kind)
    order = np.argsort(labels, kind="stable")
    labels, outputs = labels[order], outputs[order]
    for values in range(len(np.unique(labels))):
        few = np.isin(labels, np.unique(labels)[:values])
        found = score(metric.name, task, outputs[few], labels[few])
        assert (found is None) == (values < metric.needed(task))
    assert metric.needed(task) >= 1
    assert score(metric.name, task, outputs, labels) is not None


@every
@pytest.mark.parametrize("of_target", [True, False])
def test_a_headline_leads_back_to_its_metric(metric: Metric, kind: Kind, of_target: bool) -> None:
    task = replace(BY_KIND[kind], metric=cast("MetricName", metric.name))
    name = headline_name([task], of_target)

    assert name == ("target " if of_target else "mean ") + metric.name
    assert metric_of(name) is metric
    assert metric_of(metric.name) is metric


@pytest.mark.parametrize("name", ["", "loss", "score", "target score", "mean ", "accuracy of none"])
def test_what_is_no_metric_has_none(name: str) -> None:
    assert metric_of(name) is None


def test_tasks_of_different_metrics_have_a_score() -> None:
    assert headline_name([THREE, REAL], of_target=False) == "mean score"
    assert headline_name([TWO, REAL], of_target=True) == "target score"
    assert headline_name([REAL, replace(REAL, name="other")], of_target=False) == "mean r2"


@pytest.mark.parametrize("metric", [name for name in TABLE if TABLE[name].unit == "label's"])
def test_errors_in_two_units_have_no_mean(metric: MetricName) -> None:
    one, other = replace(REAL, metric=metric), replace(REAL, name="other", metric=metric)

    assert headline_name([one, one], of_target=False) == f"mean {metric}"
    assert headline_name([one, other], of_target=False) == "mean score"


def wrong(task: Task, outputs: np.ndarray, labels: np.ndarray) -> float:
    """The share of examples whose most probable class is another one."""
    return float((predicted_class(task, outputs) != labels).mean())


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Metric:
    """A metric that is in the table, and nowhere else."""
    metric = Metric(
        "error",
        unit="%",
        higher_is_better=False,
        needs=1,
        kinds=("multiclass", "binary"),
        primary_of=(),
        compute=wrong,
    )
    monkeypatch.setitem(TABLE, metric.name, metric)
    for kind, names in names_by_kind(TABLE).items():
        monkeypatch.setitem(METRICS, kind, names)
    return metric


def test_a_metric_in_the_table_is_computed_and_written_to_the_scores(added: Metric) -> None:
    ours = questions("multiclass", "binary", "regression")
    model = draw_model(Mlp(), SPEC, ours.tasks_by_domain, "target", 0)
    (domain,) = ours.domains.values()
    found, _ = evaluate(model, domain.name, domain.tasks[:2], domain.train)

    assert list(found) == ["images/multiclass0", "images/binary1"]
    for scores in found.values():
        assert scores["accuracy"] is not None
        assert scores[added.name] == pytest.approx(1 - scores["accuracy"])
    assert set(every_score(REAL, *reversed(truth("regression")))) == {"r2", "mae", "rmse"}
    with pytest.raises(ValueError, match="expected a metric of a regression task, found error"):
        score(added.name, REAL, *reversed(truth("regression")))


def test_a_metric_in_the_table_may_judge_tasks(added: Metric) -> None:
    ours = problem()
    for domain in ours.domains.values():
        for task in domain.tasks:
            object.__setattr__(task, "metric", added.name)
    told = headline(ours, {"val": {}, "test": {"target/ours": {added.name: 0.25}}})

    assert told["name"] == "target error"
    assert told["test"] == 0.25
    assert told["tasks"] == {"target/ours": "error"}


def test_a_metric_in_the_table_is_shown_in_its_unit_and_its_gains_in_its_direction(
    added: Metric,
) -> None:
    for name in ("target error", "mean error", added.name):
        assert number(name, 0.25) == "25.0"
        assert with_unit(name) == f"{name} %"
        assert interval(name, [0.2, 0.3]).startswith("25.0 ± ")
        assert gain_of(name, 0.25, 0.5) == 0.25
        assert gain_of(name, 0.5, 0.25) == -0.25


def test_the_table_is_read_without_numpy_or_scikit_learn() -> None:
    """They are imported where a score is computed."""
    heavy = "{'numpy', 'scipy', 'sklearn', 'torch'}"
    code = f"import sys, tlrun.core.metrics; sys.exit(bool({heavy} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_metric_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a metric of a regression task, found auc"):
        score("auc", REAL, np.ones((2, 1)), np.ones(2))


def test_a_problem_is_about_its_target_or_all_its_tasks() -> None:
    assert headline_of(problem("split")) == "target accuracy"
    assert headline_of(questions("regression")) == "mean r2"
    assert headline_of(questions("binary", "regression")) == "mean score"


@pytest.mark.parametrize("metric", sorted(TABLE))
def test_a_point_is_the_bound_of_scores_that_have_points(metric: str) -> None:
    known = {"accuracy", "balanced_accuracy", "auc", "r2"}

    assert default_delta(f"target {metric}") == (0.01 if metric in known else None)
    assert {name for names in METRICS.values() for name in names} == set(TABLE)
    assert default_delta("mean score") is None
