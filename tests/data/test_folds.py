from dataclasses import replace

import numpy as np
import pytest

from tlrun.core.errors import UserError
from tlrun.core.problem import Domain, Split
from tlrun.core.task import Task
from tlrun.data.assembly import Part
from tlrun.data.folds import assemble_folds, together

from problems import split

TASK = Task("t", "binary", ("no", "yes"))


def rows_of(whole: Split, rows: np.ndarray) -> Split:
    labels = {name: values[rows] for name, values in whole.labels.items()}
    return Split(whole.inputs[rows], labels, whole.index[rows])


def parts(whole: Split, test: np.ndarray) -> list[Part]:
    """One domain that tests on some rows and learns from the others, beside one that always tests
    on the same."""
    other = split(5, 20, (TASK,))
    learn = np.setdiff1d(np.arange(len(whole)), test)
    mine = Domain("mine", "peer", (TASK,), rows_of(whole, learn))
    theirs = Domain("theirs", "peer", (TASK,), rows_of(other, np.arange(8)))
    return [
        Part(mine, rows_of(whole, test), whole.inputs[:0]),
        Part(theirs, rows_of(other, np.arange(8, 20)), other.inputs[:0]),
    ]


def folded(n: int = 30, count: int = 3) -> tuple[Split, list[list[Part]]]:
    whole = split(1, n, (TASK,))
    return whole, [parts(whole, np.arange(k, n, count)) for k in range(count)]


def test_the_folds_test_everything_once_and_what_is_not_folded_once_too() -> None:
    whole, each = folded()
    problem = assemble_folds(each, ["a note"])
    test = problem.test.open()

    assert len(problem.folds) == 3
    assert np.array_equal(test["mine"].index, whole.index)
    assert np.array_equal(test["mine"].array, whole.array)
    assert np.array_equal(test["mine"].labels["t"], whole.labels["t"])
    assert len(test["theirs"]) == 12
    assert {row["split"]: row["examples"] for row in problem.report["splits"][:2]} == {
        "train": 20, "test": 30,
    }  # fmt: skip
    assert problem.report["notes"] == ["a note"]
    for fold in problem.folds:
        seen = set(fold.domains["mine"].train.index.tolist())
        assert not seen & set(fold.test.open()["mine"].index.tolist())


def test_the_groups_of_all_folds_stay_with_their_rows() -> None:
    whole, each = folded()
    grouped = replace(whole, groups=whole.index // 7)
    tests = [grouped.select(part.test.index) for part, _ in each]
    one = together(tests)

    assert one.groups is not None
    assert np.array_equal(one.groups, one.index // 7)
    assert together([part.test for part, _ in each]).groups is None


def test_other_folds_are_another_problem_with_the_same_examples() -> None:
    _, each = folded()
    one, other = assemble_folds(each), assemble_folds(list(reversed(each)))

    assert one.digest != other.digest
    assert one.digest not in {fold.digest for fold in one.folds}


def test_opening_a_run_of_its_own_opens_no_other() -> None:
    _, each = folded()
    problem = assemble_folds(each)
    for fold in problem.folds:
        fold.test.open()

    assert [fold.test.opened for fold in problem.unopened().folds] == [0, 0, 0]


def test_a_fold_may_lack_what_all_together_have() -> None:
    """One fold tests one class only, and one tests nothing; together they test both."""
    whole = split(1, 30, (TASK,))
    whole.labels["t"][...] = np.arange(30) < 15
    each = [parts(whole, np.arange(start, start + 10)) for start in (0, 10, 20)]

    assert len(assemble_folds([*each, parts(whole, np.arange(0))]).folds) == 4
    alone = [parts(whole, np.array([k])) for k in range(30)]
    with pytest.raises(UserError, match="test_folds: expected a fold that tests every class of"):
        assemble_folds(alone)
    one = replace(whole, labels={"t": np.zeros(30, dtype=np.int64)})
    with pytest.raises(UserError, match="expected 2 different test labels of task t in domain"):
        assemble_folds([parts(one, np.arange(start, start + 10)) for start in (0, 10, 20)])


def test_examples_are_put_together_in_the_order_of_their_rows() -> None:
    whole = split(1, 9, (TASK,))
    pieces = [rows_of(whole, np.array(rows)) for rows in ([8, 2], [5, 2], [0])]

    assert together(pieces).index.tolist() == [0, 2, 5, 8]
    assert np.array_equal(together(pieces).array, whole.array[[0, 2, 5, 8]])
