from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.data.datasets.table_csv import TableCsv
from tlrun.data.tables.column_roles import Columns, columns
from tlrun.data.tables.csv_file import _column, read
from tlrun.data.tables.encoding import _scaled, inputs, labels, repeated


def found(folder: Path, text: str, **options: Any) -> Columns:
    (folder / "table.csv").write_text(text, encoding="utf-8")
    return columns(read(str(folder / "table.csv"), ",", "utf-8"), TableCsv(**options))


def test_numbers_are_standardised_and_categories_one_hot_by_the_training_rows(
    tmp_path: Path,
) -> None:
    table = found(tmp_path, "n,same,none,c,y\n1,5,,a,0\n3,5,,,1\n,5,,a,0\n9,7,8,b,1\n")
    values = inputs(table, np.array([True, True, True, False]))

    assert values.dtype == np.float32
    assert values[:, :3].tolist() == [[-1, 0, 0], [1, 0, 0], [0, 0, 0], [7, 0, 0]]
    # missing, a; b was never trained on
    assert values[:, 3:].tolist() == [[0, 1], [1, 0], [0, 1], [0, 0]]


@pytest.mark.parametrize("text", ["n,y\n1,0\n3,1\n5,0\n", "c,y\na,0\nb,1\nc,0\n"])
def test_a_table_may_have_numbers_only_or_categories_only(tmp_path: Path, text: str) -> None:
    assert inputs(found(tmp_path, text), np.array([True, True, False])).shape == (
        3,
        1 if text[0] == "n" else 2,
    )


def test_regression_labels_are_standardised_by_the_training_labels(tmp_path: Path) -> None:
    (target,) = found(tmp_path, "x,y\n1,10.5\n2,20.5\n3,\n4,35.5\n").targets
    values = labels(target, np.array([True, True, False, False]))

    assert values.dtype == np.float32
    assert values[[0, 1, 3]].tolist() == [-1, 1, 4]
    assert np.isnan(values[2])


def test_labels_without_one_to_scale_by_stay_numbers(tmp_path: Path) -> None:
    (target,) = found(tmp_path, "x,y\n1,10.5\n2,20.5\n").targets

    assert labels(target, np.array([False, False])).tolist() == [10.5, 20.5]


def test_classes_stay_as_they_are(tmp_path: Path) -> None:
    (target,) = found(tmp_path, "x,y\n1,b\n2,a\n3,\n").targets

    assert labels(target, np.array([True, False, False])).tolist() == [1, 0, -1]


def test_repeated_rows_are_known_by_their_cells(tmp_path: Path) -> None:
    table = found(tmp_path, "n,c,y\n1,a,0\n1.0,a,1\n1,b,0\n,a,1\nnan,a,0\n2,a,1\n")
    pool = np.array([True, False, False, True, False, False])

    assert repeated(table, ~pool, pool).tolist() == [False, True, False, False, True, False]


@given(
    st.lists(st.sampled_from(["", "1", "2", "-7.5", "1e30"]), min_size=2, max_size=12), st.data()
)
def test_training_numbers_have_mean_0_and_deviation_1_or_are_0(
    cells: list[str], data: st.DataObject
) -> None:
    flags = data.draw(st.lists(st.booleans(), min_size=len(cells), max_size=len(cells)).filter(any))
    train = np.array(flags)
    column = _column("n", cells, np.arange(len(cells)))
    scaled = _scaled([column], train)[:, 0]
    known = scaled[train & ~column.missing]

    assert np.isfinite(scaled).all()
    assert (scaled[column.missing] == 0).all()
    if len({cell for cell, flag in zip(cells, flags, strict=True) if flag and cell}) > 1:
        assert np.allclose([known.mean(), known.std()], [0, 1])
    else:
        assert (scaled == 0).all()
