from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from table_columns import column, found

from tlrun.core.errors import UserError
from tlrun.data.tables.column_roles import Columns
from tlrun.data.tables.encoding import Encoder, fit, scale, scaled_task


def encoded(encoder: Encoder, table: Columns) -> np.ndarray:
    return encoder.encode(table.numbers, table.categories)


def test_numbers_are_standardised_and_categories_one_hot_by_the_rows_that_are_fitted_on(
    tmp_path: Path,
) -> None:
    table = found(tmp_path, "n,same,none,c,y\n1,5,,a,0\n3,5,,,1\n,5,,a,0\n9,7,8,b,1\n")
    encoder = fit(table, np.array([True, True, True, False]))
    values = encoded(encoder, table)

    assert values.dtype == np.float32
    assert values[:, :3].tolist() == [[-1, 0, 0], [1, 0, 0], [0, 0, 0], [7, 0, 0]]
    # missing, a; b was never fitted on
    assert values[:, 3:].tolist() == [[0, 1], [1, 0], [0, 1], [0, 0]]
    assert [levels.levels for levels in encoder.categories] == [(None, "a")]


@pytest.mark.parametrize("text", ["n,y\n1,0\n3,1\n5,0\n", "c,y\na,0\nb,1\nc,0\n"])
def test_a_table_may_have_numbers_only_or_categories_only(tmp_path: Path, text: str) -> None:
    table = found(tmp_path, text)
    values = encoded(fit(table, np.array([True, True, False])), table)

    assert values.shape == (3, 1 if text[0] == "n" else 2)


def test_an_encoder_reads_another_table_as_it_read_the_first(tmp_path: Path) -> None:
    """Levels go by their names, whatever else the other table has, and in whatever order."""
    encoder = fit(found(tmp_path, "n,c,y\n1,b,0\n3,a,1\n"), np.array([True, True]))
    other = found(tmp_path, "n,c,y\n5,z,0\n1,a,1\n,b,1\n")

    assert encoded(encoder, other).tolist() == [[3, 0, 0], [-1, 1, 0], [0, 0, 1]]


@given(
    st.lists(
        st.tuples(st.floats(-1e6, 1e6), st.sampled_from(["a", "b", "c"])), min_size=3, max_size=20
    )
)
def test_it_is_what_scikit_learn_makes_of_complete_rows(rows: list[tuple[float, str]]) -> None:
    numbers = np.array([number for number, _ in rows])
    names = np.array([[name] for _, name in rows])
    scaled = scale("n", numbers).encode(numbers)
    theirs = StandardScaler().fit_transform(numbers[:, None])[:, 0]
    if numbers.std() > 1e-6:
        assert np.allclose(scaled, theirs)
    column_of_names = column("c", names[:, 0].tolist())
    levels = np.unique(column_of_names.values[1])

    assert np.array_equal(
        np.eye(len(levels))[column_of_names.values[1]],
        OneHotEncoder(sparse_output=False).fit_transform(names),
    )


def test_a_task_of_numbers_is_scaled_by_the_training_labels(tmp_path: Path) -> None:
    (target,) = found(tmp_path, "x,y\n1,10.5\n2,20.5\n3,\n4,35.5\n").targets
    task = scaled_task(target, np.array([True, True, False, False]))

    assert (task.location, task.scale) == (15.5, 5.0)
    assert replace(task, location=0.0, scale=1.0) == target.task


def test_labels_that_do_not_differ_are_refused(tmp_path: Path) -> None:
    (target,) = found(tmp_path, "x,y\n1,10.5\n2,20.5\n3,10.5\n").targets

    for rows, count in (([False, False, False], 0), ([True, False, True], 1)):
        with pytest.raises(UserError, match=rf"at least 2 different .* of y, .* found {count}"):
            scaled_task(target, np.array(rows))


def test_a_task_of_classes_has_no_scale(tmp_path: Path) -> None:
    (target,) = found(tmp_path, "x,y\n1,b\n2,a\n3,\n").targets

    assert scaled_task(target, np.array([True, False, False])) == target.task


@given(
    st.lists(st.sampled_from(["", "1", "2", "-7.5", "1e30"]), min_size=2, max_size=12), st.data()
)
def test_fitted_numbers_have_mean_0_and_deviation_1_or_are_0(
    cells: list[str], data: st.DataObject
) -> None:
    flags = data.draw(st.lists(st.booleans(), min_size=len(cells), max_size=len(cells)).filter(any))
    train = np.array(flags)
    numbers = column("n", cells)
    scaled = scale("n", numbers.numbers[train]).encode(numbers.numbers)
    known = scaled[train & ~numbers.missing]

    assert np.isfinite(scaled).all()
    assert (scaled[numbers.missing] == 0).all()
    if len({cell for cell, flag in zip(cells, flags, strict=True) if flag and cell}) > 1:
        assert np.allclose([known.mean(), known.std()], [0, 1])
    else:
        assert (scaled == 0).all()
