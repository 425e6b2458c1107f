from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from table_columns import found

from tlrun.data.tables.row_identity import repeated, rows_digest


def test_repeated_rows_are_known_by_their_cells(tmp_path: Path) -> None:
    table = found(tmp_path, "n,c,y\n1,a,0\n1.0,a,1\n1,b,0\n,a,1\nnan,a,0\n2,a,1\n-0.0,a,0\n0,a,0\n")
    pool = np.array([True, False, False, True, False, False, True, False])

    assert repeated(table, ~pool, pool, within_domains=False).tolist() == [
        False, True, False, False, True, False, False, True,
    ]  # fmt: skip


ROW = st.tuples(*[st.sampled_from(cells) for cells in (["1", "2", ""], ["a", "b", ""], ["0", "1"])])


@given(st.lists(ROW, min_size=2, max_size=12), st.data())
def test_they_are_what_comparing_row_by_row_finds(
    tmp_path_factory: object, rows: list[tuple[str, str, str]], data: st.DataObject
) -> None:
    rows = [("1", "a", "0"), ("2", "b", "1"), *rows]
    folder = tmp_path_factory.mktemp("t")  # type: ignore[attr-defined]
    table = found(folder, "n,c,y\n" + "".join(",".join(row) + "\n" for row in rows))
    pool = np.array(data.draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows))))
    expected = []
    for row, here in zip(rows, pool, strict=True):
        same = [other[:2] == row[:2] and at for other, at in zip(rows, pool, strict=True)]
        expected.append(bool(not here and any(same)))

    assert repeated(table, ~pool, pool, within_domains=False).tolist() == expected


def test_a_digest_is_of_the_rows_in_no_order_and_of_nothing_else(tmp_path: Path) -> None:
    def digest(text: str, rows: int) -> str:
        table = found(tmp_path, "n,c,g,y\n" + text, group="g")
        return rows_digest(table, np.arange(len(table.domain)) < rows)

    rest = "2,b,y,1\n3,,y,1\n4,a,x,0\n"
    first = digest(f"1,a,x,0\n{rest}", 4)

    assert digest(f"{rest}1.0,a,x,0\n", 4) == first
    assert digest(f"1,a,x,0\n{rest}9,zz,q,0\n0,aa,q,1\n", 4) == first
    for changed in ("1,b,x,0", "1.5,a,x,0", "1,a,y,0", "1,a,x,1", ",a,x,0", "1,,x,0"):
        assert digest(f"{changed}\n{rest}", 4) != first
    assert digest(f"1,a,x,0\n{rest}3,,y,1\n", 5) != first
