"""JSON lines are the table that a CSV file of the same values is."""

from pathlib import Path

import pytest

from tlrun.core.errors import UserError
from tlrun.data.tables.notation import Notation
from tlrun.data.tables.table_file import read


def columns(path: Path) -> dict[str, list[str]]:
    table = read(str(path), ",", "utf-8", Notation())
    return {name: column.text.to_pylist() for name, column in table.columns.items()}


def test_values_are_written_as_a_csv_file_has_them(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(
        '{"a": 1, "b": "x\\ny", "c": true}\n\n{"b": " z ", "a": 2.5, "d": null}\n', encoding="utf-8"
    )

    assert columns(file) == {
        "a": ["1", "2.5"],
        "b": ["x\ny", "z"],
        "c": ["true", ""],
        "d": ["", ""],
    }
    table = read(str(file), ",", "utf-8", Notation())
    assert table.columns["b"].place(1) == "line 3"


def test_numbers_are_numbers_whatever_the_notation_of_text_is(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"a": 1.5, "b": "1,5"}\n', encoding="utf-8")
    table = read(str(file), ",", "utf-8", Notation(decimal=","))

    assert table.columns["a"].numbers.tolist() == [1.5]
    assert table.columns["b"].numbers.tolist() == [1.5]


def test_a_line_ends_where_it_ends_and_not_within_a_text(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_text(
        '{"a": "one\u2028two\u0085three"}\n{"a": "\ud83d"}\n'.replace("\ud83d", "\\ud83d")
    )

    assert columns(file) == {"a": ["one\u2028two\u0085three", "?"]}


def test_a_key_is_text_that_can_be_written_as_a_value_is(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text('{"a": 1, "\\ud83d": 2}\n')

    assert columns(file) == {"a": ["1"], "?": ["2"]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"a": 1}\n{"a": \n', "JSON in every line"),
        ("[1, 2]\n", "an object in every line"),
        ('{"a": 1}\n{"a": {"b": 2}}\n', "in line 2 of"),
        ("{}\n", "an object in every line, found none"),
        ('{"a": NaN}\n', "rows below the header"),
    ],
)
def test_what_is_no_table_is_refused_in_a_line(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "a.jsonl"
    file.write_text(content, encoding="utf-8")

    with pytest.raises(UserError, match=r"dataset\.path") as told:
        columns(file)
    assert said in str(told.value)
    assert "\n" not in str(told.value)
