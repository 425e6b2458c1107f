from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlrun.core.task import Task, TaskKey
from tlrun.report.statistics.combined import Combined, clustered, combined, influence, paired
from tlrun.report.statistics.paired import interval, variance
from tlrun.report.statistics.units import UnitValues, unit_values

SEEDS = st.integers(0, 2**32 - 1)
TWO = Task("two", "binary", ("no", "yes"))
THREE = Task("three", "multiclass", ("a", "b", "c"))
A, B, C = TaskKey("d", "two"), TaskKey("d", "three"), TaskKey("e", "two")
TASKS = {A: TWO, B: THREE, C: TWO}


def units(
    task: Task, seed: int, arm: int, metric: str = "accuracy", missing: int = 0
) -> UnitValues:
    """Of 30 examples, their labels the same for every seed and arm; the first lack one."""
    rng = np.random.default_rng([seed, arm])
    labels = np.arange(30) % len(task.classes)
    outputs = rng.normal(size=(30, task.outputs))
    if task.outputs > 1:
        outputs += 2 * np.eye(3)[labels]
    labels[:missing] = -1
    found = unit_values(task, metric, outputs, labels)
    assert found is not None
    return found


def run(
    seed: int, arm: int, *keys: TaskKey, metric: str = "accuracy", missing: int = 0
) -> Combined:
    rows = np.arange(30)[::-1] + 100
    tasks = {key: units(TASKS[key], seed, arm, metric, missing * (key == B)) for key in keys}
    return combined(tasks, dict.fromkeys(keys, rows))


def arm(number: int, *keys: TaskKey, seeds: int = 4, **how: str | int) -> list[Combined]:
    return [run(seed, number, *keys, **how) for seed in range(seeds)]  # type: ignore[arg-type]


def gains(ours: list[Combined], theirs: list[Combined]) -> list[float]:
    return [a.score - b.score for a, b in zip(ours, theirs, strict=True)]


def of_strata(run: Combined) -> float:
    level, _ = influence(run.values, run.strata, run.weights)
    return float(level)


@settings(max_examples=20)
@given(SEEDS, st.integers(0, 5))
def test_the_headline_is_the_mean_of_the_scores(seed: int, missing: int) -> None:
    """And so are means of strata, also where one task has fewer labels."""
    for keys in ((A,), (A, B), (A, C), (A, B, C)):
        found = run(seed, 0, *keys, missing=missing)
        scores = [units(TASKS[k], seed, 0, missing=missing * (k == B)).score for k in keys]

        assert found.score == pytest.approx(np.mean(scores))
        assert of_strata(found) == pytest.approx(found.score)
        assert found.right_or_wrong


def test_tasks_of_one_domain_share_rows_and_domains_do_not() -> None:
    together, apart, three = run(0, 0, A, B), run(0, 0, A, C), run(0, 0, C, B, A)

    assert together.rows.tolist() == list(range(100, 130))
    assert together.weights.tolist() == [1]
    assert set(together.values) <= {0, 0.5, 1}
    assert together.spread.tolist() == pytest.approx([1])
    assert apart.domains == three.domains == ("d", "e")
    assert apart.domain.tolist() == apart.strata.tolist() == [0] * 30 + [1] * 30
    assert apart.weights.tolist() == [0.5, 0.5]
    assert three.weights.tolist() == pytest.approx([2 / 3, 1 / 3])


def test_values_stand_by_row() -> None:
    found, alone = run(0, 0, A), units(TWO, 0, 0)

    assert found.values.tolist() == alone.values[::-1].tolist()
    assert found.each[:, 0].tolist() == found.values.tolist()


def test_strata_of_a_task_that_is_alone_in_its_domain_stay() -> None:
    found = run(0, 0, A, C, metric="balanced_accuracy")

    assert sorted(set(found.strata)) == [0, 1, 2, 3]
    assert found.weights.tolist() == [0.25] * 4


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "auc", "brier"])
def test_a_row_moves_the_headline_by_what_it_moves_the_tasks(metric: str) -> None:
    """Σ over its tasks of c_s (values - mean_s)/M_s/T; 0 of a task that it has no label of."""
    found = run(3, 1, A, B, metric=metric, missing=4)
    expected = np.zeros(30)
    for key in (A, B):
        task = units(TASKS[key], 3, 1, metric, 4 * (key == B))
        for j, example in enumerate(task.of):
            mine = task.strata == task.strata[j]
            moved = task.values[j] - task.values[mine].mean()
            expected[example] += task.weights[task.strata[j]] * moved / mine.sum() / 2

    _, moved = influence(found.values, found.strata, found.weights)
    assert moved[::-1] == pytest.approx(expected)


def test_tasks_on_rows_of_their_own_spread_wider() -> None:
    """Each of two tasks has half of the rows, so an example moves its mean twice as far."""
    labels = np.arange(30) % 2
    outputs = np.ones((30, 1))
    first = unit_values(TWO, "accuracy", outputs, np.where(np.arange(30) < 15, labels, -1))
    second = unit_values(TWO, "accuracy", outputs, np.where(np.arange(30) < 15, -1, labels))
    assert first is not None
    assert second is not None
    keys = (TaskKey("d", "first"), TaskKey("d", "second"))
    found = combined(
        dict(zip(keys, (first, second), strict=True)), dict.fromkeys(keys, np.arange(30))
    )

    assert found.spread.tolist() == pytest.approx([2])
    assert of_strata(found) == pytest.approx((first.score + second.score) / 2)


def test_a_row_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="once"):
        combined({A: units(TWO, 0, 0)}, {A: np.zeros(30, dtype=int)})


@pytest.mark.parametrize("keys", [(A,), (A, B), (A, B, C)])
def test_paired_values_are_the_gains(keys: tuple[TaskKey, ...]) -> None:
    ours, theirs = arm(0, *keys), arm(1, *keys)
    found = paired(ours, theirs, gains(ours, theirs))

    assert found.values is not None
    assert found.strata is not None
    assert found.weights is not None
    level, _ = influence(found.values, found.strata, found.weights)
    assert level == pytest.approx(found.gains)
    assert found.right_or_wrong
    turned = interval(paired(theirs, ours, gains(theirs, ours)))
    assert turned.low == pytest.approx(-interval(found).high)


def test_differing_counts_test_examples_not_seeds_or_tasks() -> None:
    ours, theirs = run(0, 0, A, B), run(0, 0, A, B)
    each = theirs.each.copy()
    each[3] = 1 - each[3]
    changed = replace(theirs, each=each)

    assert paired([ours, ours], [theirs, theirs], [0, 0]).differing == 0
    assert paired([ours, ours], [changed, changed], [0, 0]).differing == 1
    assert paired([ours, ours], [theirs, changed], [0, 0]).differing == 1


def test_rows_without_a_label_do_not_differ() -> None:
    ours, theirs = arm(0, A, B, missing=3), arm(1, B, A, missing=3)
    expected = set()
    for seed in range(4):
        for key in (A, B):
            one, other = (units(TASKS[key], seed, i, missing=3 * (key == B)) for i in (0, 1))
            expected |= set(one.of[one.values != other.values])

    assert paired(ours, theirs, gains(ours, theirs)).differing == len(expected)


@given(SEEDS)
@settings(max_examples=10)
def test_a_score_alone_is_against_zero(seed: int) -> None:
    runs = [run(seed + i, 0, A) for i in range(4)]
    found = paired(runs, None, [run.score for run in runs])
    shown = interval(found)

    assert found.differing == 0
    assert shown.mean == pytest.approx(np.mean([run.score for run in runs]))
    assert shown.centre == pytest.approx((30 * shown.mean + 1) / 32)
    assert shown.low < shown.mean < shown.high


def test_seeds_with_test_examples_of_their_own_are_not_paired_by_example() -> None:
    ours, theirs = arm(0, A), arm(1, A)
    elsewhere = [replace(run, rows=run.rows + i) for i, run in enumerate(theirs)]
    fewer = [run(i, 1, A, metric="auc") for i in range(4)]

    for others in (elsewhere, fewer):
        found = paired(ours, others, [0.1, 0.2, 0.3, 0.5])
        assert found.values is None
        assert found.differing == 0
        assert interval(found).df == 3
    with pytest.raises(ValueError, match="on every seed"):
        paired(ours, theirs[:2], [0.1, 0.2, 0.3, 0.5])


def test_a_headline_of_other_tasks_is_no_control() -> None:
    with pytest.raises(ValueError, match="same tasks"):
        paired(arm(0, A), arm(1, A, B), [0.1, 0.2, 0.3, 0.5])


@given(SEEDS)
@settings(max_examples=10)
def test_groups_have_the_variance_of_their_sums(seed: int) -> None:
    """v_c and v_cr, written out, with unequal groups and two strata."""
    ours, theirs = arm(0, A, metric="balanced_accuracy"), arm(1, A, metric="balanced_accuracy")
    rows = paired(ours, theirs, gains(ours, theirs))
    groups = np.random.default_rng(seed).permutation(np.arange(30) % 6 % 5)
    assert rows.values is not None
    assert rows.strata is not None
    assert rows.weights is not None
    _, moved = influence(rows.values, rows.strata, rows.weights)
    sums = np.stack([moved[:, groups == g].sum(axis=1) for g in range(5)], axis=1)
    v_c = 5 / 4 * (sums.mean(axis=0) ** 2).sum()
    v_cr = 5 / 4 * ((sums - sums.mean(axis=0)) ** 2).sum() / (4 * 3)

    found = variance(clustered(rows, groups))

    assert found.examples == pytest.approx(v_c)
    assert found.both == pytest.approx(v_cr)
    assert found.df <= 4
    assert found.centre == pytest.approx(rows.gains.mean())


def test_every_example_a_group_of_its_own_is_no_groups() -> None:
    """But for the pseudo-examples, which are of examples."""
    ours, theirs = arm(0, A), arm(1, A)
    rows = replace(paired(ours, theirs, gains(ours, theirs)), right_or_wrong=False)
    one, other = variance(clustered(rows, np.arange(30))), variance(rows)

    assert one.total == pytest.approx(other.total)
    assert one.examples == pytest.approx(other.examples)
    with pytest.raises(ValueError, match="same test examples"):
        clustered(replace(rows, values=None), np.arange(30))
