from pathlib import Path

import numpy as np
import pytest
from table_columns import found

from tlrun.core.errors import UserError
from tlrun.data.tables.encoding import fit
from tlrun.data.tables.table_notes import encoding_notes, far_values_notes, table_notes

TEXT = "n,same,c,d,y\n1.5,7.5,u,a,0\n2.5,7.5,NA,b,1\n,7.5,v,a,0\n3.5,7.5,w,b,1\n4.5,8.5,u,b,\n"


def test_inputs_are_told_by_kind_and_what_is_missing_is_counted(tmp_path: Path) -> None:
    assert table_notes(found(tmp_path, TEXT)) == [
        "inputs: numbers n, same; categories c, d",
        "read as missing (dataset.missing): 'NA' 1 times in c",
        "1 row without any label: not used",
        "missing numbers, read as the mean: 1, in n (1)",
    ]


def test_an_input_that_never_varies_and_a_category_that_is_never_learnt_are_told(
    tmp_path: Path,
) -> None:
    table = found(tmp_path, TEXT)
    learnt = np.array([True, True, True, False, False])

    assert encoding_notes(table, fit(table, learnt)) == [
        "inputs that do not vary in the rows to learn from: same",
        "c: no source or training row has 'w' (1 rows): read as none",
    ]


def test_a_table_without_an_input_that_varies_is_refused(tmp_path: Path) -> None:
    table = found(tmp_path, "a,y\n1.5,0\n1.5,1\n2.5,0\n")

    with pytest.raises(UserError, match="expected an input that varies, found none: a are the"):
        encoding_notes(table, fit(table, np.array([True, True, False])))


def test_a_value_far_from_all_others_is_told(tmp_path: Path) -> None:
    lines = ["a,b,y", *(f"{k / 8},{k * k % 37 / 8},{k % 2}" for k in range(60)), "1e15,0.5,1"]
    table = found(tmp_path, "\n".join(lines))
    everything = np.ones(61, dtype=bool)

    with pytest.raises(UserError, match=r"1e15.* in line 62"):
        far_values_notes(table, everything, [])
    assert far_values_notes(table, everything, ["a", "b"])
