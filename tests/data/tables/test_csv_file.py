import os
from pathlib import Path

import pytest

from tlrun.core.errors import UserError
from tlrun.data.tables.column import Table
from tlrun.data.tables.csv_file import _parsed, read


def parsed(folder: Path, raw: str | bytes, separator: str = ",", encoding: str = "utf-8") -> Table:
    file = folder / "table.csv"
    file.write_bytes(raw.encode() if isinstance(raw, str) else raw)
    return read(str(file), separator, encoding)


@pytest.mark.parametrize(
    "raw",
    [
        "a,b\n1,x\n2,\n",
        "a,b\r\n1,x\r\n2,\r\n",
        "a,b\r1,x\r2,",
        "\ufeffa,b\n1,x\n2,\n",
        '"a", "b"\n"1", x \n\n2,nan\n',
    ],
)
def test_one_table_however_it_is_written(tmp_path: Path, raw: str) -> None:
    table = parsed(tmp_path, raw)

    assert list(table.columns) == ["a", "b"]
    assert table.columns["a"].numbers.tolist() == [1, 2]
    assert table.columns["b"].cells == ("x", "")
    assert table.columns["b"].missing.tolist() == [False, True]


def test_quoted_cells_hold_separators_and_line_ends(tmp_path: Path) -> None:
    table = parsed(tmp_path, 'a,b\n"x, ""y""\nz",1\nw,2\n')

    assert table.columns["a"].cells == ('x, "y"\nz', "w")
    assert table.columns["a"].lines.tolist() == [2, 4]


@pytest.mark.parametrize(
    ("separator", "raw"), [(";", "a;b\n1;2\n"), (r"\t", "a\tb\n1\t2\n"), (" ", "a b\n1 2\n")]
)
def test_separators(tmp_path: Path, separator: str, raw: str) -> None:
    assert parsed(tmp_path, raw, separator).columns["b"].numbers.tolist() == [2]


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16", "utf-16-le"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    assert parsed(tmp_path, "é,b\nü,2\n".encode(encoding), encoding=encoding).columns[
        "é"
    ].cells == ("ü",)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "dataset.path: expected a CSV file with a header, found an empty one"),
        (b"\n\n", "dataset.path: expected a CSV file with a header, found an empty one"),
        (b"a,b\n", "dataset.path: expected rows below the header, found none"),
        (b"a,b\n1,2\n\n3\n", "as in its header, found 1 in line 4"),
        (
            b"a,b,a\n1,2,3\n",
            "dataset.path: expected a different name for every column, found a as 1 and 3",
        ),
        (b"a,b\n1,\0\n", "dataset.path: expected text, found a NUL byte in line 2"),
        (b"a,b\n\xe9,1\n", "found byte 0xe9 at position 4; try dataset.encoding=latin-1"),
        (b"\xff\xfea\0", "found byte 0xff at position 0; try dataset.encoding=utf-16"),
        (
            b'a,b\n1,"2\n3,4\n',
            "dataset.path: expected a CSV file, found unexpected end of data in line 2",
        ),
        (b"a;b\n1;2\n", "try \"dataset.separator=';'\""),
        (b"a\tb\n1\t2\n", "try \"dataset.separator='\\t'\""),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(tmp_path: Path, raw: bytes, message: str) -> None:
    with pytest.raises(UserError) as caught:
        parsed(tmp_path, raw)

    assert message in str(caught.value)
    assert len(caught.value.lines) == 1
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-9", "hex", "no\0pe", ""])
def test_encodings_that_there_are_not(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(
        UserError, match=r"dataset.encoding: expected an encoding that Python knows"
    ):
        parsed(tmp_path, "a,b\n1,2\n", encoding=encoding)


def test_paths_that_are_no_file(tmp_path: Path) -> None:
    for path, message in [
        ("", "dataset.path: expected the path of a CSV file, found nothing"),
        (str(tmp_path / "none.csv"), "dataset.path: expected a CSV file, found nothing at"),
        (str(tmp_path), "dataset.path: expected a CSV file, found a folder"),
        ("a\0b", "dataset.path: expected a CSV file that can be read"),
        ("x" * 5000, "dataset.path: expected a CSV file that can be read"),
    ]:
        with pytest.raises(UserError, match=message):
            read(path, ",", "utf-8")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "table.csv").touch(mode=0o000)

    with pytest.raises(UserError, match=r"dataset.path: expected a CSV file that can be read"):
        read(str(tmp_path / "table.csv"), ",", "utf-8")


def test_a_file_is_parsed_once_until_it_changes(tmp_path: Path) -> None:
    first = parsed(tmp_path, "a,b\n1,2\n")

    assert read(str(tmp_path / "table.csv"), ",", "utf-8") is first
    assert parsed(tmp_path, "a,b\n1,22\n").columns["b"].numbers.tolist() == [22]
    assert _parsed.cache_info().maxsize == 4
    with pytest.raises(ValueError, match="read-only"):
        first.columns["a"].numbers[0] = 5


def test_unnamed_columns_are_left_out_and_counted(tmp_path: Path) -> None:
    table = parsed(tmp_path, ",a,b,\n0,1,2,\n")

    assert list(table.columns) == ["a", "b"]
    assert table.unnamed == 2
