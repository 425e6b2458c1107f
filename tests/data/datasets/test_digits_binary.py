import numpy as np
import pytest
from sklearn.datasets import load_digits

from tlrun.core.metrics import primary
from tlrun.data.datasets.digits_binary import DigitsBinary
from tlrun.data.datasets.digits_tasks import DigitsTasks

_, DIGITS = load_digits(return_X_y=True)


def test_heads_can_be_compared_and_one_means_yes() -> None:
    problem = DigitsBinary().load(seed=0)
    test = problem.test.open()["digits"]
    odd, large, prime = (
        sorted(set(DIGITS[test.index[test.labels[task] == 1]].tolist()))
        for task in ("odd", "at_least_five", "prime")
    )

    assert list(problem.tasks) == ["odd", "at_least_five", "prime"]
    assert {(task.kind, task.classes, task.outputs) for task in problem.tasks.values()} == {
        ("binary", ("no", "yes"), 1)
    }
    assert (odd, large, prime) == ([1, 3, 5, 7, 9], [5, 6, 7, 8, 9], [2, 3, 5, 7])


def test_every_label_is_the_answer_or_missing() -> None:
    domain = DigitsBinary(hidden=0.5, val_share=0.4).load(seed=1).domains["digits"]

    for split in (domain.train, domain.val):
        assert split is not None
        digits = DIGITS[split.index]
        truth = {
            "odd": digits % 2 == 1,
            "at_least_five": digits > 4,
            "prime": np.isin(digits, (2, 3, 5, 7)),
        }
        for task, yes in truth.items():
            labels = split.labels[task]
            assert labels.dtype == np.int64
            assert np.array_equal(labels, np.where(labels == -1, -1, yes))
            assert np.sum(labels == -1) == len(split) // 2


@pytest.mark.parametrize("hidden", [0.0, 0.95])
def test_the_examples_are_those_of_digits_tasks(hidden: float) -> None:
    ours = DigitsBinary(hidden=hidden, val_share=0.2).load(seed=2)
    theirs = DigitsTasks(hidden=hidden, val_share=0.2).load(seed=2)
    test = ours.test.open()["digits"]
    mine, other = ours.domains["digits"], theirs.domains["digits"]

    assert np.array_equal(test.array, theirs.test.open()["digits"].array)
    assert np.array_equal(mine.train.index, other.train.index)
    for task in ours.tasks:
        assert set(mine.train.labels[task].tolist()) >= {0, 1}
        assert set(test.labels[task].tolist()) == {0, 1}


def test_one_metric_judges_them_all() -> None:
    for options, metric in ((DigitsBinary(), "accuracy"), (DigitsBinary(metric="auc"), "auc")):
        assert {primary(task) for task in options.load(seed=0).tasks.values()} == {metric}


def test_a_larger_draw_contains_the_smaller_one_of_its_seed() -> None:
    few, many = (
        set(DigitsBinary(labels_per_class=n).load(seed=3).domains["digits"].train.index.tolist())
        for n in (4, 9)
    )

    assert (len(few), len(many)) == (40, 90)
    assert few < many
