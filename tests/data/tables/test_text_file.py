import csv
import io
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.core.errors import UserError
from tlrun.data.tables import text_file
from tlrun.data.tables.text_file import Rows, read_text

FILE = Path("table.csv")


def rows(raw: str | bytes, separator: str = ",", encoding: str = "utf-8") -> Rows:
    content = raw.encode() if isinstance(raw, str) else raw
    return read_text(lambda: content, separator, encoding, FILE)


def cells(found: Rows) -> list[list[str]]:
    """Row by row, without the spaces around them."""
    columns = [[cell.strip() for cell in column.to_pylist()] for column in found.columns]
    return [list(row) for row in zip(*columns, strict=True)]


@pytest.mark.parametrize(
    "raw",
    [
        "a,b\n1,x\n2,\n",
        "a,b\r\n1,x\r\n2,\r\n",
        "a,b\r1,x\r2,",
        "\ufeffa,b\n1,x\n2,\n",
        '"a", "b"\n"1", x \n\n2,\n',
        '\n\na,b\n\n"1","x"\n2,""\n\n',
    ],
)
def test_one_table_however_it_is_written(raw: str) -> None:
    found = rows(raw)

    assert found.header == ["a", "b"]
    assert cells(found) == [["1", "x"], ["2", ""]]


def test_quoted_cells_hold_separators_and_line_ends() -> None:
    found = rows('a,b\n"x, ""y""\nz",1\nw,2\n')

    assert cells(found) == [['x, "y"\nz', "1"], ["w", "2"]]
    assert [found.place(row) for row in (0, 1)] == ["line 2", "line 4"]


def test_a_row_is_told_by_its_line_whatever_stands_above_it() -> None:
    plain, quoted = rows("\n\na,b\n\n1,2\n\n\n3,4\n"), rows('a,b\n"1\n\n",2\n\n3,4\n')

    assert [plain.place(row) for row in (0, 1)] == ["line 5", "line 8"]
    assert [quoted.place(row) for row in (0, 1)] == ["line 2", "line 6"]


@pytest.mark.parametrize(
    ("separator", "raw"),
    [(";", "a;b\n1;2\n"), ("\t", "a\tb\n1\t2\n"), (" ", "a b\n1 2\n"), ("¦", "a¦b\n1¦2\n")],
)
def test_separators(separator: str, raw: str) -> None:
    assert cells(rows(raw, separator)) == [["1", "2"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-16-le"])
def test_encodings(encoding: str) -> None:
    found = rows("é,b\nü,2\n".encode(encoding), encoding=encoding)

    assert (found.header, cells(found)) == (["é", "b"], [["ü", "2"]])


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "dataset.path: expected a CSV file with a header, found an empty one"),
        (b"\n\n", "dataset.path: expected a CSV file with a header, found an empty one"),
        (b"a,b\n", "dataset.path: expected rows below the header, found none"),
        (b"a,b\n\n\n", "dataset.path: expected rows below the header, found none"),
        (b"a,b\n1,2\n\n3\n", "as in its header, found 1 in line 4"),
        (b"a,b\n1,2,3\n", "as in its header, found 3 in line 2"),
        (b'a,b\n"1",2\n"3,4"\n', "as in its header, found 1 in line 3"),
        (b"a,b\n1,\0\n", "dataset.path: expected text, found a NUL byte in line 2"),
        (b"a,b\n\xe9,1\n", "found byte 0xe9 at position 4; try dataset.encoding=latin-1"),
        (
            b"\xef\xbb\xbfa,b\n\xe9,1\n",
            "found byte 0xe9 at position 7; try dataset.encoding=latin-1",
        ),
        (b"\xff\xfea\0", "found byte 0xff at position 0; try dataset.encoding=utf-16"),
        (
            b'a,b\n1,"2\n3,4\n',
            "dataset.path: expected a CSV file, found unexpected end of data in line 2",
        ),
        (b'a,b\n"1"x,2\n', "dataset.path: expected a CSV file, found ',' expected after '\"' in"),
        (b'a,b\n"1,2\n"3,4\n', "dataset.path: expected a CSV file, found ',' expected after '\"'"),
        (b"a;b\n1;2\n", "try \"dataset.separator=';'\""),
        (b"a\tb\n1\t2\n", "try \"dataset.separator='\\t'\""),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(raw: bytes, message: str) -> None:
    with pytest.raises(UserError) as caught:
        rows(raw)

    assert message in str(caught.value)
    assert len(caught.value.lines) == 1
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-9", "hex", "no\0pe", ""])
def test_encodings_that_there_are_not(encoding: str) -> None:
    with pytest.raises(
        UserError, match=r"dataset.encoding: expected an encoding that Python knows"
    ):
        rows("a,b\n1,2\n", encoding=encoding)


CELL = st.text(st.sampled_from(list('ab1.,;" \t\n\r-é\u00a0\u2028')), max_size=6)


@given(st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6), st.sampled_from(",;\t"))
def test_what_is_written_by_the_rules_is_read_as_it_was(
    written: list[tuple[str, str]], separator: str
) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=separator, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *written])
    found = rows(file.getvalue(), separator)

    assert cells(found) == [[cell.strip() for cell in row] for row in written]


RAW = st.text(st.sampled_from(list('a1.,,,\n\n\n"\r \u00a0')), max_size=30)


@given(RAW)
def test_both_readers_read_alike(raw: str) -> None:
    """What Arrow is given to read, Python reads as the same cells in the same lines."""

    def read(fast: bool) -> object:
        with pytest.MonkeyPatch.context() as patch:
            if not fast:
                patch.setattr(text_file, "_plain", lambda *_: False)
            try:
                found = rows(f"a,b\n{raw}")
            except UserError as error:
                return error.lines
            return cells(found), [found.place(row) for row in range(len(cells(found)))]

    assert read(fast=True) == read(fast=False)


def test_a_plain_table_is_read_by_arrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a large one would take minutes."""
    monkeypatch.setattr(text_file, "_by_python", None)

    assert cells(rows('"a","b"\n"1, 2",x\n3,""\n')) == [["1, 2", "x"], ["3", ""]]
    assert isinstance(rows("a,b\n1,2\n").columns[0], pa.ChunkedArray)
