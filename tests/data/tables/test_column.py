import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from table_columns import column

from tlrun.core.errors import UserError
from tlrun.data.tables.notation import Notation


def test_values_are_text_as_written_in_order_of_size_or_of_the_alphabet() -> None:
    numbers = column("n", ["10", "9.0", "9", "", "0.5", "9"])
    words = column("w", ["b", "1_0", "na", "a", "b"])
    names = column("d", ["008", "8", "90071992547409921", "90071992547409922"])

    assert numbers.values[0] == ("0.5", "9", "9.0", "10")
    assert numbers.values[1].tolist() == [3, 2, 1, -1, 0, 1]
    assert words.values[0] == ("1_0", "a", "b")
    assert words.values[1].tolist() == [2, 0, -1, 1, 2]
    assert names.values[0] == ("008", "8", "90071992547409921", "90071992547409922")
    assert (numbers.numeric, words.numeric) == (True, False)


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e39", "1e400"])
def test_numbers_beyond_float32_are_refused_with_their_line(cell: str) -> None:
    with pytest.raises(
        UserError, match=rf"k: expected finite numbers in column n, found '{cell}' in line 3"
    ):
        column("n", ["1", cell]).check_finite("k")


@pytest.mark.parametrize(("cell", "found"), [("", "none in"), ("NA", "'NA', a missing value, in")])
def test_a_value_that_has_to_be_there_is_asked_for_by_line(cell: str, found: str) -> None:
    with pytest.raises(
        UserError, match=f"k: expected a value in every row of column n, found {found} line 3"
    ):
        column("n", ["1", cell]).check_present("k")


CELLS = st.sampled_from(["", "nan", "NA", "1", "1.0", "-2e3", "+7", "inf", "x", "1_0", "?", "-999"])
NOTATIONS = st.sampled_from(
    [Notation(), Notation(("NA", "nan", "?")), Notation(("-999", "x")), Notation(decimal=",")]
)


@given(st.lists(CELLS, min_size=1), NOTATIONS)
def test_a_cell_is_missing_a_number_or_text_as_its_notation_says(
    cells: list[str], notation: Notation
) -> None:
    """Whatever other cells the column has: the fast way and the other read alike."""
    read = column("n", cells, notation)

    assert (read.missing + read.words + ~np.isnan(read.numbers) == 1).all()
    assert read.missing.tolist() == [notation.is_missing(cell) for cell in cells]
    assert (read.values[1] == -1).tolist() == read.missing.tolist()
    for cell, number, word in zip(cells, read.numbers.tolist(), read.words, strict=True):
        expected = notation.number(cell)
        if notation.is_missing(cell):
            assert math.isnan(number)
        elif expected is None:
            assert word
        else:
            assert number == expected


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_plain_numbers_are_read_to_the_bit(numbers: list[float]) -> None:
    assert column("n", [repr(number) for number in numbers]).numbers.tolist() == numbers


def test_missing_words_are_counted_as_they_are_written() -> None:
    assert column("n", ["NA", "", "1", "na", "NA", "-"]).missing_words == {"NA": 2, "na": 1}
