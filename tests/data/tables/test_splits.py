from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.errors import UserError
from tlrun.data.datasets.table_csv import TableCsv
from tlrun.data.tables.column_roles import columns
from tlrun.data.tables.splits import (
    Splits,
    _draw_validation,
    draw_tests,
    split_rows,
    stratified_sample,
)
from tlrun.data.tables.table_file import _parsed, read

STRATA = st.lists(st.integers(0, 4), min_size=1, max_size=60).map(np.array)


def drawn(folder: Path, lines: list[str], seed: int = 0, **options: Any) -> Splits:
    (folder / "table.csv").write_text("\n".join(lines), encoding="utf-8")
    chosen = TableCsv(**options)
    table = columns(read(str(folder / "table.csv"), ",", "utf-8", chosen.notation), chosen)
    (test,) = draw_tests(table, chosen, seed)
    return split_rows(table, chosen, test, seed)


def rows(n: int, classes: int = 2) -> list[str]:
    return [
        "g,s,x,y",
        *(f"g{k % 10},{('train', 'val', 'test')[k % 3]},{k / 8},c{k % classes}" for k in range(n)),
    ]


@given(STRATA, st.integers(0, 9), st.booleans())
def test_a_stratified_sample_takes_of_every_stratum_its_share(
    strata: np.ndarray, seed: int, each: bool
) -> None:
    for count in range(len(strata) + 1):
        taken = stratified_sample(strata, count, seed, each=each)
        sizes, all_ = (np.bincount(part, minlength=5) for part in (strata[taken], strata))
        assert len(set(taken.tolist())) == count
        assert set(stratified_sample(strata, max(0, count - 1), seed, each=each).tolist()) <= set(
            taken.tolist()
        )
        if each and count >= (all_ > 0).sum():
            assert (sizes[all_ > 0] >= 1).all()
        if not each:
            assert (np.abs(sizes - all_ * count / len(strata)) <= 4).all()


def test_a_lone_row_is_sampled_no_more_often_than_others() -> None:
    strata = np.arange(100)  # every combination of labels once
    taken = np.array([stratified_sample(strata, 70, seed, each=False) for seed in range(200)])

    assert np.abs(np.bincount(taken.reshape(-1)) / 200 - 0.7).max() < 0.15


@pytest.mark.parametrize(
    "options", [{}, {"group": "g"}, {"val_share": 0.2}, {"group": "g", "val_share": 0.3}]
)
@pytest.mark.parametrize("labels", [None, 20])
def test_no_row_and_no_group_is_in_two_splits(
    tmp_path: Path, options: dict[str, Any], labels: int | None
) -> None:
    table = rows(100)
    splits = drawn(tmp_path, table, seed=3, ignore=("s",), labels=labels, **options)
    on = np.stack([splits.train, splits.val, splits.test])
    learning = splits.train | splits.val

    assert (on.sum(axis=0) <= 1).all()
    assert (learning <= splits.pool).all()
    assert learning.sum() == (splits.pool.sum() if labels is None else labels)
    assert splits.val.any() == ("val_share" in options)
    if "group" in options:
        groups = np.array([line.split(",")[0] for line in table[1:]])
        for group in set(groups.tolist()):
            assert on[:, groups == group].any(axis=1).sum() <= 1


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_test_and_labels_hold_every_class_in_its_share(tmp_path: Path, classes: int) -> None:
    table = rows(150, classes)
    splits = drawn(tmp_path, table, ignore=("s", "g"), labels=30, val_share=0.2, test_share=0.4)
    labels = np.array([int(line[-1]) for line in table[1:]])

    for rows_of, count in ((splits.test, 60), (splits.labelled[0], 30), (splits.val, 6)):
        sizes = np.bincount(labels[rows_of], minlength=classes)
        assert np.abs(sizes - count / classes).max() <= 1.5
        assert rows_of.sum() == count


def test_a_class_of_one_row_is_trained_on(tmp_path: Path) -> None:
    table = [*rows(30), "g1,train,99,lone"]
    for seed in range(10):
        splits = drawn(
            tmp_path,
            table,
            seed,
            ignore=("s", "g"),
            labels=5,
            val_share=0.4,
            test_share=0.8,
            split_seed=seed,
        )
        assert splits.train[-1]


def test_larger_draws_contain_smaller_ones_and_tasks_share_rows(tmp_path: Path) -> None:
    table = ["x,y,z", *(f"{k / 8},{k / 7},{k / 3}" for k in range(50))]
    small, large = (drawn(tmp_path, table, labels=n, predict=("y", "z")) for n in (8, 20))

    assert (small.train <= large.train).all()
    assert small.train.sum() == 8
    assert np.array_equal(small.labelled[0], small.labelled[1])


def test_split_seed_fixes_the_test_set_and_null_leaves_it_to_the_seed(tmp_path: Path) -> None:
    fixed = [drawn(tmp_path, rows(60), seed, ignore=("s",), labels=10) for seed in (0, 1)]
    free = [drawn(tmp_path, rows(60), seed, ignore=("s",), split_seed=None) for seed in (0, 1)]

    assert np.array_equal(fixed[0].test, fixed[1].test)
    assert not np.array_equal(fixed[0].train, fixed[1].train)
    assert not np.array_equal(free[0].test, free[1].test)


def test_a_split_column_decides(tmp_path: Path) -> None:
    table = rows(60)
    words = np.array([line.split(",")[1] for line in table[1:]])
    full, few = (drawn(tmp_path, table, split="s", labels=n) for n in (None, 12))

    for splits in (full, few):
        assert np.array_equal(splits.test, words == "test")
        assert (splits.val <= (words == "val")).all()
        assert (splits.train <= (words == "train")).all()
    assert (full.train.sum(), full.val.sum()) == (20, 20)
    assert (few.train.sum(), few.val.sum()) == (6, 6)


def test_larger_draws_contain_smaller_ones_on_either_side_of_a_split_column(tmp_path: Path) -> None:
    few, more, many = (drawn(tmp_path, rows(150), 2, split="s", labels=n) for n in (12, 13, 60))

    for one, other in ((few, more), (more, many)):
        assert (one.train <= other.train).all()
        assert (one.val <= other.val).all()
    assert [int(found.val.sum()) for found in (few, more, many)] == [6, 6, 30]


def test_what_validates_does_not_depend_on_labels_that_were_not_drawn(tmp_path: Path) -> None:
    """Nobody has paid for those, so nobody knows them."""
    options = TableCsv(predict=("a", "b"), val_share=0.3)
    labelled = (np.arange(90) % 3 == 0, np.arange(90) % 4 == 0)
    answers = {"a": "uv", "b": "pq"}

    def validating(turned: bool) -> np.ndarray:
        """The rows that validate; turned: every label that was not drawn is the other one."""
        table = ["x,a,b"]
        for k in range(90):
            told = [str(k / 8)]
            for letters, drawn in zip(answers.values(), labelled, strict=True):
                told.append(letters[(k * k // 7 + (turned and not drawn[k])) % 2])
            table.append(",".join(told))
        (tmp_path / "table.csv").write_text("\n".join(table), encoding="utf-8")
        _parsed.cache_clear()
        found = columns(read(str(tmp_path / "table.csv"), ",", "utf-8", options.notation), options)
        return _draw_validation(found, options, labelled, seed=0)

    plain = validating(turned=False)

    assert plain.sum() == round(0.3 * (labelled[0] | labelled[1]).sum())
    assert np.array_equal(plain, validating(turned=True))


def test_a_row_without_a_label_is_in_no_split(tmp_path: Path) -> None:
    table = rows(40)
    table[5] = "g0,train,4,"
    splits = drawn(tmp_path, table, ignore=("s", "g"))

    assert not (splits.test | splits.pool)[4]


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (
            rows(20),
            {"labels": 15},
            r"dataset.labels: expected at most 14 \(task y has no more in domain table, .* 15",
        ),
        (
            rows(20),
            {"split": "s", "val_share": 0.2},
            r"dataset.val_share: expected 0, for column s .*found 0.2",
        ),
        (
            rows(20),
            {"labels": 1, "val_share": 0.2},
            r"dataset.val_share: .* leave domain table .* found 0.2 of 1 rows",
        ),
        (
            ["x,y", "1,0", "2,1"],
            {"test_share": 0.95},
            r"dataset.test_share: expected rows to train on, found none",
        ),
        (
            ["s,x,y", "test,1,0", "test,2,1"],
            {"split": "s"},
            r"dataset.split: expected rows to train on, found none",
        ),
    ],
)
def test_too_little_to_draw_from_is_refused(
    tmp_path: Path, table: list[str], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        drawn(tmp_path, table, **options)

    assert len(caught.value.lines) == 1


def test_a_split_column_may_be_called_by_any_number(tmp_path: Path) -> None:
    """A command line reads the name 0 as a number, and it is a name all the same."""
    with pytest.raises(UserError, match=r"^dataset\.split: expected rows to train on"):
        drawn(tmp_path, ["0,x,y", "val,1,a", "test,2,b", "test,3,a"], split=0)
