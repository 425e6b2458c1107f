import pytest
from table_columns import column

from tlrun.data.tables.spellings import MANY, spellings


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (["Yes", "yes", "no"], "'Yes' and 'yes' look like one value in 2 spellings"),
        (["1.0", "1", "2"], "'1' and '1.0' look like one value in 2 spellings"),
        (["y", "true", "no"], "'true' and 'y' look like one value in 2 spellings"),
        (["A  b", "a b", "c", "C"], "look like spellings of one value"),
        (["\u00e9", "e\u0301", "b"], "look like one value in 2 spellings"),
    ],
)
def test_values_that_are_one_are_told(cells: list[str], told: str) -> None:
    (line,) = spellings(column("c", cells), "input c")

    assert line.startswith("input c: ")
    assert told in line
    assert line.endswith("and are read as written")


@pytest.mark.parametrize(
    "cells",
    [
        ["yes", "no"],
        ["a", "b", "ab"],
        ["90071992547409921", "90071992547409922", "1"],  # one float, two ids
        [f"{'Aa'[k % 2]}{k // 2}" for k in range(2 * MANY)],
    ],
)
def test_values_that_are_several_or_too_many_are_not(cells: list[str]) -> None:
    assert list(spellings(column("c", cells), "input c")) == []
