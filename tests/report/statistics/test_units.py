from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from tlrun.core.metrics import TABLE, score
from tlrun.core.task import MetricName, Task
from tlrun.report.statistics.units import UnitValues, placements, unit_values

TWO = Task("two", "binary", ("no", "yes"))
PAIR = Task("pair", "multiclass", ("no", "yes"))
THREE = Task("three", "multiclass", ("a", "b", "c"))
REAL = Task("real", "regression")
SEEDS = st.integers(0, 2**32 - 1)
EVERY = [
    (task, name) for task in (TWO, PAIR, THREE, REAL) for name in TABLE
    if task.kind in TABLE[name].kinds
]  # fmt: skip


def drawn(task: Task, seed: int, count: int = 24) -> tuple[np.ndarray, np.ndarray]:
    """Outputs and labels of a task; every class is there, and outputs of classes have ties."""
    rng = np.random.default_rng(seed)
    if not task.classes:
        labels = rng.normal(3, 2, count)
        return (labels + rng.normal(size=count))[:, None].astype(np.float32), labels
    labels = rng.permutation(np.arange(count) % len(task.classes))
    return rng.integers(-2, 3, (count, task.outputs)).astype(np.float32), labels


def parts(task: Task, metric: str, outputs: np.ndarray, labels: np.ndarray) -> UnitValues:
    found = unit_values(task, metric, outputs, labels)
    assert found is not None
    return found


def of_strata(units: UnitValues) -> float:
    """Σ_s c_s mean_s."""
    means = np.bincount(units.strata, units.values) / np.bincount(units.strata)
    return float(units.weights @ means)


def error(units: UnitValues) -> float:
    """The variance over examples of the score: Σ_s c_s² var_s/M_s."""
    each = [units.values[units.strata == s] for s in range(len(units.weights))]
    return float(
        sum(c**2 * own.var(ddof=1) / len(own) for c, own in zip(units.weights, each, strict=True))
    )


def test_every_metric_that_a_config_may_ask_for_is_here() -> None:
    assert {name for _, name in EVERY} == set(get_args(MetricName)) | {"accuracy", "auc"} | set(
        TABLE
    )


@pytest.mark.parametrize(("task", "metric"), EVERY)
@settings(max_examples=10)
@given(SEEDS)
def test_the_score_is_that_of_the_metric(task: Task, metric: str, seed: int) -> None:
    outputs, labels = drawn(task, seed)
    units = parts(task, metric, outputs, labels)

    assert units.score == score(metric, task, outputs, labels)
    assert units.values.shape == units.strata.shape == labels.shape
    assert units.right_or_wrong == (metric in {"accuracy", "balanced_accuracy"})


@settings(max_examples=10)
@given(SEEDS)
def test_means_of_strata_are_the_score_itself_of_what_is_a_mean(seed: int) -> None:
    """Turned where lower is better; an AUC is in them twice, once a class."""
    for task, metric in EVERY:
        units = parts(task, metric, *drawn(task, seed))
        expected = TABLE[metric].gain(units.score, 0)
        if metric not in {"r2", "rmse"}:
            twice = 2 if metric == "auc" else 1
            assert of_strata(units) == pytest.approx(twice * expected, abs=1e-9)


@pytest.mark.parametrize(("task", "metric"), EVERY)
def test_they_follow_the_score_to_other_test_examples(task: Task, metric: str) -> None:
    """To first order: with 30 examples more or less of 3,000, in each class alike.

    The change foreseen is that of the means of strata of the values of all.
    """
    outputs, labels = drawn(task, 3, 3000)
    outputs = outputs + np.random.default_rng(0).normal(size=outputs.shape)
    units = parts(task, metric, outputs, labels)
    order = np.argsort(labels, kind="stable")
    for start in range(3):
        kept = np.ones(3000, dtype=bool)
        kept[order[start::100]] = False
        kept[order[start + 1 :: 100]] = False
        fewer = UnitValues(
            0.0, units.values[kept], units.strata[kept], units.weights, units.of[kept], False
        )
        found = score(metric, task, outputs[kept], labels[kept])
        assert found is not None
        change = TABLE[metric].gain(found, units.score)
        foreseen = of_strata(fewer) - of_strata(units)
        assert foreseen == pytest.approx(change, abs=0.1 * abs(change) + 3e-5)


@settings(max_examples=10)
@given(SEEDS)
def test_examples_without_a_label_are_left_out(seed: int) -> None:
    for task, metric in EVERY:
        outputs, labels = drawn(task, seed)
        full = parts(task, metric, outputs, labels)
        missing = np.nan if task.kind == "regression" else -1
        more = parts(
            task,
            metric,
            np.insert(outputs, [0, 5], 9.0, axis=0),
            np.insert(labels, [0, 5], missing),
        )

        assert more.values == pytest.approx(full.values)
        assert more.of.tolist() == [*range(1, 6), *range(7, 26)]


@settings(max_examples=10)
@given(SEEDS)
def test_the_order_of_examples_does_not_matter(seed: int) -> None:
    order = np.random.default_rng(seed).permutation(24)
    for task, metric in EVERY:
        outputs, labels = drawn(task, seed)
        turned = parts(task, metric, outputs[order], labels[order])

        assert turned.values == pytest.approx(parts(task, metric, outputs, labels).values[order])


@given(SEEDS, st.integers(2, 8), st.integers(2, 8))
def test_placements_give_the_auc_and_delongs_variance(seed: int, P: int, Q: int) -> None:
    """Against all pairs, one by one."""
    rng = np.random.default_rng(seed)
    above, below = rng.integers(0, 4, P).astype(float), rng.integers(0, 4, Q).astype(float)
    pairs = np.array([[1.0 if x > y else 0.5 if x == y else 0.0 for y in below] for x in above])
    ours, others = placements(above, below)
    outputs, labels = np.concatenate([below, above])[:, None], np.repeat([0, 1], [Q, P])

    auc = roc_auc_score(labels, outputs[:, 0])
    assert ours.mean() == pytest.approx(auc)
    assert others.mean() == pytest.approx(auc)
    delong = pairs.mean(axis=1).var(ddof=1) / P + pairs.mean(axis=0).var(ddof=1) / Q
    assert error(parts(TWO, "auc", outputs, labels)) == pytest.approx(delong)


def test_two_classes_are_two_problems_that_are_one() -> None:
    outputs, labels = drawn(TWO, 1)
    logits = np.concatenate([-outputs, outputs], axis=1) / 2

    one, other = parts(TWO, "auc", outputs, labels), parts(PAIR, "auc", logits, labels)

    assert one.values == pytest.approx(other.values)
    assert one.weights.tolist() == other.weights.tolist() == [1, 1]


@given(SEEDS)
def test_an_auc_of_three_classes_is_three_times_one_against_the_rest(seed: int) -> None:
    """Each example's influence, summed from the three AUCs of pairs, written out."""
    _, labels = drawn(THREE, seed)
    outputs = np.random.default_rng(seed).normal(size=(24, 3))  # softmax may break ties by rounding
    units = parts(THREE, "auc", outputs, labels)
    chances = np.exp(outputs)
    chances /= chances.sum(axis=1, keepdims=True)
    means = np.bincount(labels, units.values) / np.bincount(labels)
    expected = np.zeros(24)
    for k in range(3):
        ours, others = placements(chances[labels == k, k], chances[labels != k, k])
        expected[labels == k] += ours / len(ours) / 3
        expected[labels != k] += others / len(others) / 3
    expected -= (np.bincount(labels, expected) / np.bincount(labels))[labels]

    counts = np.bincount(labels)[labels]
    assert (units.values - means[labels]) / counts / 3 == pytest.approx(expected, abs=1e-12)


@given(SEEDS, st.integers(3, 12), st.sampled_from(["r2", "rmse"]))
def test_the_jackknife_leaves_out_one_after_another(seed: int, count: int, metric: str) -> None:
    outputs, labels = drawn(REAL, seed, count)
    whole = score(metric, REAL, outputs, labels)
    without = [
        score(metric, REAL, np.delete(outputs, j, 0), np.delete(labels, j)) for j in range(count)
    ]
    assert whole is not None
    pseudo = count * whole - (count - 1) * np.array(without, dtype=float)
    sign = 1 if metric == "r2" else -1

    values = parts(REAL, metric, outputs, labels).values
    assert values == pytest.approx(sign * pseudo, rel=1e-6, abs=1e-6)


def test_where_one_example_decides_alone_no_jackknife_is_made_up() -> None:
    labels, outputs = np.array([1.0, 1.0, 1.0, 4.0]), np.array([[1.0], [2.0], [1.0], [3.0]])

    assert np.isnan(parts(REAL, "r2", outputs, labels).values).tolist() == [False] * 3 + [True]
    assert np.isnan(parts(REAL, "rmse", outputs[:1], labels[:1]).values).all()


@pytest.mark.parametrize("task", [TWO, PAIR, THREE])
@settings(max_examples=10)
@given(SEEDS)
def test_an_auc_within_folds_is_of_pairs_of_one_fold(task: Task, seed: int) -> None:
    rng = np.random.default_rng(seed)
    outputs, labels = drawn(task, seed, 40)
    folds = rng.integers(0, 3, 40)
    found = unit_values(task, "auc", outputs, labels, folds)
    expected, sizes = [], []
    for fold in np.unique(folds):
        mine = folds == fold
        value = score("auc", task, outputs[mine], labels[mine])
        if value is not None:
            counts = np.bincount(labels[mine])
            expected.append(value)
            sizes.append(counts.sum() if task is THREE else counts.prod())
    assert (found is None) == (not expected)
    if found is not None:
        assert found.score == pytest.approx(np.average(expected, weights=sizes))
        assert of_strata(found) == pytest.approx(2 * found.score)


def test_folds_of_which_only_one_has_an_auc_are_that_fold() -> None:
    outputs, labels = drawn(TWO, 5, 20)
    more, answers = np.append(labels, [1, 1]), np.append(outputs, [[9.0], [9.0]], axis=0)
    folds = np.array([0] * 20 + [1, 1])

    found = unit_values(TWO, "auc", answers, more, folds)

    alone = parts(TWO, "auc", outputs, labels)
    assert found is not None
    assert found.score == alone.score
    moved = (found.values - alone.score) / np.bincount(more)[more]
    assert moved[20:] == pytest.approx([0, 0])
    assert moved[:20] == pytest.approx((alone.values - alone.score) / np.bincount(labels)[labels])


def test_one_fold_is_none() -> None:
    outputs, labels = drawn(TWO, 2)
    folded = unit_values(TWO, "auc", outputs, labels, np.zeros(24, dtype=int))

    assert folded is not None
    assert folded.values == pytest.approx(parts(TWO, "auc", outputs, labels).values)


def test_nothing_is_made_of_an_undefined_score() -> None:
    outputs, labels = np.array([[0.1], [0.3], [0.2]]), np.array([1, 1, -1])
    diverged = np.array([[0.1], [np.nan]])

    assert unit_values(TWO, "auc", outputs, labels) is None
    assert unit_values(TWO, "accuracy", diverged, np.array([0, 1])) is None
    assert unit_values(TWO, "auc", outputs, labels, np.array([0, 1, 1])) is None
    folds = np.array([0, 0, 1, 1])
    both = np.array([[0.1], [0.2], [0.3], [np.inf]])
    assert unit_values(TWO, "auc", both, np.array([0, 1, 0, 1]), folds) is None
    assert unit_values(TWO, "accuracy", outputs, np.array([-1, -1, -1])) is None
    with pytest.raises(ValueError, match="expected a metric"):
        unit_values(TWO, "r2", outputs, labels)


def test_hand_values() -> None:
    outputs = np.array([[1.0], [-1.0], [2.0], [0.5]])
    labels = np.array([1, 1, 1, 0])

    plain = parts(TWO, "accuracy", outputs, labels)
    balanced = parts(TWO, "balanced_accuracy", outputs, labels)
    auc = parts(TWO, "auc", outputs, labels)

    assert plain.values.tolist() == balanced.values.tolist() == [1, 0, 1, 0]
    assert balanced.strata.tolist() == auc.strata.tolist() == [1, 1, 1, 0]
    assert balanced.weights.tolist() == [0.5, 0.5]
    assert auc.values.tolist() == pytest.approx([1, 0, 1, 2 / 3])
    numbers = np.array([1.0, 2.0, 0.0, 3.0])
    assert parts(REAL, "mae", outputs, numbers).values.tolist() == [0, -3, -2, -2.5]
