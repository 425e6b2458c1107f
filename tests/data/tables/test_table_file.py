import gzip
import os
from pathlib import Path

import pytest

from tlrun.core.errors import UserError
from tlrun.data.tables.column import Table
from tlrun.data.tables.notation import Notation
from tlrun.data.tables.table_file import OTHERS, _parsed, read


def parsed(folder: Path, raw: str | bytes, name: str = "table.csv") -> Table:
    (folder / name).write_bytes(raw.encode() if isinstance(raw, str) else raw)
    return read(str(folder / name), ",", "utf-8", Notation())


def test_cells_are_kept_as_text_without_the_spaces_around_them(tmp_path: Path) -> None:
    table = parsed(tmp_path, "a , b\n 007 ,\u00a0x y\t\n7,\n")

    assert list(table.columns) == ["a", "b"]
    assert table.columns["a"].text.to_pylist() == ["007", "7"]
    assert table.columns["b"].text.to_pylist() == ["x y", ""]
    assert table.columns["a"].at(0) == "'007' in line 2"


def test_a_packed_table_is_unpacked(tmp_path: Path) -> None:
    table = parsed(tmp_path, gzip.compress(b"a,b\n1,2\n"), "table.csv.gz")

    assert table.columns["b"].numbers.tolist() == [2]
    for raw in (b"a,b\n1,2\n", gzip.compress(b"a,b\n1,2\n")[:-9]):
        with pytest.raises(UserError, match=r"dataset.path: expected a CSV file that can be read"):
            parsed(tmp_path, raw, "table.csv.gz")


@pytest.mark.parametrize("end", [end for ends in OTHERS for end in ends])
def test_other_files_are_refused_by_name(tmp_path: Path, end: str) -> None:
    with pytest.raises(
        UserError, match=r"dataset.path: expected a CSV or Parquet file, found .*; (save|unpack)"
    ):
        parsed(tmp_path, "a,b\n1,2\n", f"Table{end.upper()}")


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    for path, message in [
        ("", "dataset.path: expected the path of a CSV file, found nothing"),
        (str(tmp_path / "none.csv"), "dataset.path: expected a CSV file, found nothing at"),
        (str(tmp_path), "dataset.path: expected a CSV file, found a folder"),
        ("a\0b", "dataset.path: expected a CSV file, found a NUL in a"),
        ("x" * 5000, "dataset.path: expected names of at most 255 bytes, found 5000"),
    ]:
        with pytest.raises(UserError, match=message):
            read(path, ",", "utf-8", Notation())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "table.csv").touch(mode=0o000)

    with pytest.raises(UserError, match=r"dataset.path: expected a CSV file that can be read"):
        read(str(tmp_path / "table.csv"), ",", "utf-8", Notation())


def test_a_file_is_parsed_once_until_it_or_how_it_is_read_changes(tmp_path: Path) -> None:
    first = parsed(tmp_path, "a,b\n1,2\n")

    assert read(str(tmp_path / "table.csv"), ",", "utf-8", Notation()) is first
    assert read(str(tmp_path / "table.csv"), ",", "utf-8", Notation(("2",))) is not first
    assert parsed(tmp_path, "a,b\n1,22\n").columns["b"].numbers.tolist() == [22]
    assert _parsed.cache_info().maxsize == 2
    with pytest.raises(ValueError, match="read-only"):
        first.columns["a"].numbers[0] = 5


def test_unnamed_columns_are_left_out_and_counted_and_names_differ(tmp_path: Path) -> None:
    table = parsed(tmp_path, ",a,b,\n0,1,2,\n")

    assert list(table.columns) == ["a", "b"]
    assert table.unnamed == 2
    with pytest.raises(
        UserError,
        match=r"dataset.path: expected a different name for every column, found a as 1 and 3",
    ):
        parsed(tmp_path, "a,b,a\n1,2,3\n")


def test_a_missing_column_is_answered_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"dataset.task: expected a column, found 'feild'; did you mean field\?"
    ):
        parsed(tmp_path, "field,b\n1,2\n").column("feild", "dataset.task")
