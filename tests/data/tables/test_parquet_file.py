import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tlrun.core.errors import UserError
from tlrun.data.tables.notation import Notation
from tlrun.data.tables.table_file import read


def test_values_become_the_text_that_a_csv_file_would_have(tmp_path: Path) -> None:
    table = pa.table(
        {
            "whole": pa.array([1, None, 90071992547409921]),
            "number": pa.array([0.1, 1e300, None]),
            "text": pa.array(["007", "", None]),
            "category": pa.array(["x", None, "y"]).dictionary_encode(),
            "flag": pa.array([True, False, None]),
            "day": pa.array([dt.date(2021, 3, 1), None, None]),
        }
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    columns = read(str(tmp_path / "t.parquet"), ",", "utf-8", Notation()).columns

    assert columns["whole"].text.to_pylist() == ["1", "", "90071992547409921"]
    assert columns["number"].numbers.tolist()[:2] == [0.1, 1e300]
    assert columns["number"].missing.tolist() == [False, False, True]
    assert columns["text"].text.to_pylist() == ["007", "", ""]
    assert columns["category"].values[0] == ("x", "y")
    assert columns["category"].values[1].tolist() == [0, -1, 1]
    assert columns["flag"].values[0] == ("false", "true")
    assert columns["day"].at(0) == "'2021-03-01' in row 1"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"a": [[1], [2]]}), "expected one number or text a cell, found list"),
        (pa.table({"a": [b"x"]}), "expected one number or text a cell, found binary"),
        (pa.table({"a": pa.array([], pa.int64())}), "expected a table with columns and rows"),
        (None, "expected a Parquet file, found"),
    ],
)
def test_what_is_no_table_of_cells_is_refused(
    tmp_path: Path, table: pa.Table | None, message: str
) -> None:
    file = tmp_path / "t.parquet"
    if table is None:
        file.write_text("a,b\n1,2\n")
    else:
        parquet.write_table(table, file)

    with pytest.raises(UserError, match=f"dataset.path: {message}") as caught:
        read(str(file), ",", "utf-8", Notation())
    assert len(caught.value.lines) == 1
    assert "\n" not in str(caught.value)
