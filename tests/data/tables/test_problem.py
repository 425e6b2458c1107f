"""A table becomes a problem whatever is read of its rows: splits, labels and rows stay together."""

from pathlib import Path

import numpy as np

from tlrun.core.problem import Problem
from tlrun.data.tables.column_roles import Columns, columns
from tlrun.data.tables.options import TableOptions
from tlrun.data.tables.problem import Read, fitted_on, problem_of
from tlrun.data.tables.splits import Splits
from tlrun.data.tables.table_file import read


def table_of(tmp_path: Path, options: TableOptions) -> Columns:
    """60 rows of two domains; x tells the row, y its class and z a number."""
    lines = ["d,x,y,z"]
    lines += [f"{'ab'[k % 2]},{k + 0.5},{'uv'[k % 3 > 0]},{k * 1.5}" for k in range(60)]
    file = tmp_path / "t.csv"
    file.write_text("\n".join(lines), encoding="utf-8")
    return columns(read(str(file), ",", "utf-8", options.notation), options)


def made(tmp_path: Path, options: TableOptions, seed: int = 0) -> tuple[Problem, list[Splits]]:
    """The problem whose inputs are the numbers of the rows, and the splits that were read for."""
    seen = []

    def numbers(table: Columns, splits: Splits) -> Read:
        seen.append(splits)
        rows = np.arange(len(table.domain), dtype=np.float32)[:, None]
        return Read(rows, ["read"], {"how": len(seen)})

    return problem_of(table_of(tmp_path, options), options, seed, ["first"], numbers), seen


def test_inputs_labels_and_rows_stay_together(tmp_path: Path) -> None:
    problem, _ = made(tmp_path, TableOptions(predict=("y", "z"), val_share=0.2))
    rows = []
    for domain in problem.domains.values():
        splits = [domain.train, domain.val, problem.test.open()[domain.name]]
        for split in splits:
            assert split is not None
            place = split.array[:, 0].astype(int)
            rows += place.tolist()
            assert np.array_equal(split.index, place)
            assert np.array_equal(split.labels["y"], place % 3 > 0)
            assert np.allclose(split.labels["z"], place * 1.5)
    assert sorted(rows) == list(range(60))
    assert problem.preprocessing == {"how": 1}
    assert problem.report["notes"][-3:] == [
        "first",
        "read",
        "dataset.test_folds=5 tests every row once",
    ]


def test_rows_keep_the_number_of_their_group(tmp_path: Path) -> None:
    options = TableOptions(predict="y", group="z", task="d")
    problem, _ = made(tmp_path, options)
    table = table_of(tmp_path, options)
    assert table.group is not None

    for name, split in problem.test.open().items():
        assert split.groups is not None
        assert len(split) > 3
        assert np.array_equal(split.groups, table.group[split.index])
        assert problem.domains[name].train.groups is not None
    assert made(tmp_path, TableOptions(predict="y"))[0].test.open()["table"].groups is None


def test_it_is_read_once_a_fold(tmp_path: Path) -> None:
    problem, seen = made(tmp_path, TableOptions(predict="y", ignore=("z",), test_folds=3))

    assert len(problem.folds) == len(seen) == 3
    assert problem.preprocessing == {"folds": [{"how": 1}, {"how": 2}, {"how": 3}]}
    assert np.array_equal(sum(splits.test.astype(int) for splits in seen), np.ones(60))


def test_the_scale_of_numbers_is_that_of_the_labels_that_train(tmp_path: Path) -> None:
    problem, (splits,) = made(tmp_path, TableOptions(predict="z", ignore=("y",), labels=20))
    task = problem.tasks["z"]
    trained = np.flatnonzero(splits.train) * 1.5

    assert np.isclose(task.location, trained.mean())
    assert np.isclose(task.scale, trained.std())


def test_sources_say_how_a_table_is_read_where_there_are_any(tmp_path: Path) -> None:
    rows = np.arange(60) < 40
    for target, expected in ((None, rows), ("b", rows & (np.arange(60) % 2 == 0))):
        table = table_of(tmp_path, TableOptions(task="d", target=target, predict="y"))
        assert np.array_equal(fitted_on(table, rows), expected)
