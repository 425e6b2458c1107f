"""Tables in memory are read as a CSV file of them would be."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tlrun.core.errors import UserError
from tlrun.data.tables.notation import Notation
from tlrun.inference.frames import is_frame, opened


def cells(new: Any) -> dict[str, list[str]]:
    table = opened(new, Notation(), ",", "utf-8", {})
    return {name: column.text.to_pylist() for name, column in table.columns.items()}


def test_every_kind_of_column_becomes_text() -> None:
    frame = pd.DataFrame(
        {
            "whole": [1, 2],
            "number": [0.5, np.nan],
            "nullable": pd.array([1, None], dtype="Int64"),
            "flag": [True, False],
            "text": ["a ", None],
            "mixed": [3, "b"],
            "several": [None, 2.5],
            "kind": pd.Categorical(["u", "v"]),
            7: [date(2020, 1, 2), pd.NaT],
        }
    )
    assert cells(frame) == {
        "whole": ["1", "2"],
        "number": ["0.5", ""],
        "nullable": ["1", ""],
        "flag": ["true", "false"],
        "text": ["a", ""],
        "mixed": ["3", "b"],
        "several": ["", "2.5"],
        "kind": ["u", "v"],
        "7": ["2020-01-02", ""],
    }


def test_frames_tables_and_dicts_are_alike() -> None:
    columns = {"a": [1.0, 2.5], "b": ["x", "y"]}
    arrays = {"a": np.array([1.0, 2.5]), "b": ("x", "y")}
    forms = [columns, pd.DataFrame(columns), pa.table(columns), arrays]
    for form in forms:
        assert is_frame(form)
        assert cells(form) == cells(columns)
    assert not is_frame(["x"])


def test_a_row_that_holds_nothing_is_a_row(tmp_path: Path) -> None:
    """Of what somebody has in memory every row is answered; a file may end in empty lines."""
    assert len(cells({"a": [None, "x"]})["a"]) == 2
    (tmp_path / "t.csv").write_text("a,b\n,\nx,1\n")
    table = opened(tmp_path / "t.csv", Notation(), ",", "utf-8", {})
    assert (table.rows, table.empty) == (1, 1)


@pytest.mark.parametrize(
    ("new", "found"),
    [
        ([1, 2], "found a list"),
        (None, "found a NoneType"),
        ({}, "expected at least one row, found none"),
        ({"a": []}, "expected at least one row, found none"),
        ({"a": [1], "b": [1, 2]}, "expected columns of one length, found lengths 1, 2"),
        ({"a": "abc"}, "expected as many cells as rows in every column, found 'abc'"),
        ({"a": [[1, 2]]}, "expected one number or text a cell, found list"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "a different name for every column"),
        ("nowhere.csv", "expected a CSV file, found nothing at"),
    ],
)
def test_what_is_no_table_is_refused(new: Any, found: str) -> None:
    with pytest.raises(UserError, match=r"^new rows: ") as raised:
        cells(new)
    assert found in str(raised.value)
    assert "dataset." not in str(raised.value)
