import numpy as np
import pytest

from tlrun.core.errors import Mistake, UserError
from tlrun.inference.rows import NewRows, about_new_rows, counted, noted, refused, silent


def test_options_of_a_data_set_are_not_named_to_who_has_none() -> None:
    with pytest.raises(UserError) as raised, about_new_rows():
        raise UserError(
            Mistake("dataset.separator", "commas", "tabs", "try dataset.separator=x"),
            Mistake("domain", "a name", "none"),
        )
    assert raised.value.lines == (
        "new rows: expected commas, found tabs; write them as what was learnt from is written",
        "domain: expected a name, found none",
    )


def test_some_rows_are_selected_without_what_was_told() -> None:
    domains = np.array(["a", "b", "a"])
    rows = NewRows(np.arange(6).reshape(3, 2), domains, "c", ("told",), ("f",) * 3)
    some = rows.select(np.array([2, 0]))

    assert some.inputs[:].tolist() == [[4, 5], [0, 1]]
    assert (len(some), some.told, some.files, some.domains) == (2, (), (), None)


def test_words() -> None:
    assert (counted(1), counted(2000)) == ("1 row", "2,000 rows")
    one, other = ["1: 2 far", "2: 2 far"], ["2: 3.5 far", "3: 4 far", "b: 1 row with '7'"]
    third = ["b: 2 rows with '8'", "b: 2 row with '7'"]
    assert noted([one, other, third]) == (*one, *other[1:], third[0])
    assert str(refused("x", "y")) == "new rows: expected x, found y"
    silent("nothing")
