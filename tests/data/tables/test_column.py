from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.errors import UserError
from tlrun.data.tables.column import Table
from tlrun.data.tables.csv_file import _column, read


def parsed(folder: Path, raw: str | bytes, separator: str = ",", encoding: str = "utf-8") -> Table:
    file = folder / "table.csv"
    file.write_bytes(raw.encode() if isinstance(raw, str) else raw)
    return read(str(file), separator, encoding)


def test_values_are_in_order_of_size_or_of_words() -> None:
    lines = np.arange(5)
    numbers = _column("n", ["10", "9.0", "9", "", "0.5"], lines)
    words = _column("w", ["b", "1_0", "", "a", "b"], lines)

    assert numbers.values[0] == ("0.5", "9", "10")
    assert numbers.values[1].tolist() == [2, 1, 1, -1, 0]
    assert words.values[0] == ("1_0", "a", "b")
    assert words.values[1].tolist() == [2, 0, -1, 1, 2]
    assert (numbers.numeric, words.numeric) == (True, False)


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e39"])
def test_numbers_beyond_float32_are_refused_with_their_line(cell: str) -> None:
    column = _column("n", ["1", cell], np.array([2, 7]))

    with pytest.raises(
        UserError, match=rf"k: expected finite numbers in column n, found '{cell}' in line 7"
    ):
        column.check_finite("k")


def test_a_missing_column_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"dataset.task: expected a column, found 'feild'; did you mean field\?"
    ):
        parsed(tmp_path, "field,b\n1,2\n").column("feild", "dataset.task")


@given(st.lists(st.sampled_from(["", "nan", "1", "1.0", "-2e3", "x", "1_0", "?"]), min_size=1))
def test_a_cell_is_missing_a_number_or_text(cells: list[str]) -> None:
    column = _column("n", cells, np.arange(len(cells)))

    assert (column.missing + column.words + ~np.isnan(column.numbers) == 1).all()
    assert (column.values[1] == -1).tolist() == [cell in {"", "nan"} for cell in cells]
