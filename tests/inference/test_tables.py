"""What new rows of a table are read as, and what is told of them."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.errors import UserError
from tlrun.inference.tables import FAR, table_reader

NUMBER = {"name": "x", "mean": 2.0, "deviation": 0.5}
KIND = {"name": "kind", "levels": [None, "a", "b"]}


def form(*numbers: dict[str, Any], categories: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {
        "version": 1, "separator": ",", "encoding": "utf-8", "missing": ["na"], "decimal": ",",
        "thousands": ".", "inputs": {"numbers": list(numbers), "categories": list(categories)},
        "tasks": [], "domain column": "site", "domains": {"1": "first", "2": "second"},
    }  # fmt: skip


def read(given: Any, new: dict[str, Any]) -> tuple[list[list[float]], tuple[str, ...]]:
    rows = table_reader(given)(new, {})
    return rows.inputs[:].tolist(), rows.told


def test_numbers_are_scaled_and_categories_are_one_hot() -> None:
    given = form(NUMBER, categories=(KIND,))
    encoded, told = read(given, {"kind": ["b", None], "x": ["1.002,5", "3"]})

    assert encoded == [[2001.0, 0, 0, 1], [2.0, 1, 0, 0]]
    assert [line.partition(":")[0] for line in told] == ["x"]  # of another unit


def test_typed_numbers_are_no_text_of_the_file() -> None:
    """1.5 of a frame is one and a half, though a file would have written 1,5."""
    assert read(form(NUMBER), {"x": [1.5, 2.5]}) == ([[-1.0], [1.0]], ())


@pytest.mark.parametrize(
    ("levels", "values", "hot"),
    [
        (["1", "2"], [2.0, 1.0], [1, 0]),
        (["01", "02"], [2, 1], [1, 0]),
        (["True", "False"], [True, False], [0, 1]),
        (["false", "true"], [True, False], [1, 0]),
        (["a", "b"], pa.array(["b", "a"]).dictionary_encode(), [1, 0]),
    ],
)
def test_typed_values_are_the_levels_that_mean_the_same(
    levels: list[str], values: Any, hot: list[int]
) -> None:
    given = form(categories=({"name": "kind", "levels": levels},))
    encoded, told = read(given, {"kind": values})

    assert np.argmax(encoded, axis=1).tolist() == hot
    assert np.sum(encoded) == 2
    assert told == ()


def test_what_means_two_levels_or_is_written_otherwise_is_none_and_told() -> None:
    given = form(categories=({"name": "kind", "levels": ["1", "01", "x"]},))
    for values in ([1.0, 1.0], ["X", "X"], ["1.0", "1.0"], [None, None]):
        encoded, told = read(given, {"kind": values})
        if values == [1.0, 1.0]:  # its text is a level
            assert (np.argmax(encoded, axis=1).tolist(), told) == ([0, 0], ())
            continue
        assert np.sum(encoded) == 0
        assert told[0].startswith("kind: 2 rows with ")


@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=30))
def test_levels_never_seen_are_counted(values: list[str]) -> None:
    encoded, told = read(form(categories=(KIND,)), {"kind": values})
    new = [value for value in values if value in "cd"]

    assert [sum(row) for row in encoded] == [float(value in "ab") for value in values]
    assert len(told) == bool(new)
    if new:
        rows = "1 row" if len(new) == 1 else f"{len(new)} rows"
        assert told[0].startswith(f"kind: {rows} with {min(map(repr, new))}")


def test_another_unit_is_told_and_a_usual_one_is_not() -> None:
    rng = np.random.default_rng(0)
    usual = rng.normal(2.0, 0.5, 100)
    assert read(form(NUMBER), {"x": usual})[1] == ()
    (line,) = read(form(NUMBER), {"x": 1000 * usual})[1]
    assert line.startswith("x: half of its numbers are over ")
    (line,) = read(form(NUMBER), {"x": [*usual, 9999.0]})[1]
    assert "'9999' in row 101" in line
    beside = 2.0 + 0.5 * (FAR + 0.01)
    assert len(read(form(NUMBER), {"x": [beside, beside, 2.0]})[1]) == 1
    constant = {"name": "x", "mean": 0.0, "deviation": 0.0}
    assert read(form(constant), {"x": [99.0]}) == ([[0.0]], ())


def test_what_is_missing_or_left_out_is_told() -> None:
    new = {"x": [None, "na", "3"], "site": ["1", "2", "7"], "id": [1, 2, 3]}
    rows = table_reader(form(NUMBER))(new, {})

    assert rows.told == (
        "columns that are not used: id",
        "missing numbers, read as the mean: 2, in x (2)",
    )
    assert rows.domains is not None
    assert rows.domains.tolist() == ["first", "second", ""]
    assert rows.inputs[:].tolist() == [[0.0], [0.0], [2.0]]


def test_a_missing_column_is_refused() -> None:
    with pytest.raises(UserError, match=r"new rows: expected column x, .* did you mean X\?"):
        read(form(NUMBER), {"X": [1]})
    with pytest.raises(UserError, match="new rows: expected columns x, kind, as in what was"):
        read(form(NUMBER, categories=(KIND,)), {"y": [1]})
    with pytest.raises(UserError, match=r"new rows: expected finite numbers .* 'inf' in row 1"):
        read(form(NUMBER), {"x": [float("inf")]})
