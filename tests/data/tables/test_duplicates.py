from pathlib import Path
from typing import Any

import numpy as np
import pytest
from table_columns import found

from tlrun.core.errors import UserError
from tlrun.data.tables.chance import equal_by_chance
from tlrun.data.tables.column_roles import Columns
from tlrun.data.tables.duplicates import Seen, seen_to
from tlrun.data.tables.splits import Splits

RANDOM = np.random.default_rng(0)


def table(folder: Path, rows: list[str], **options: Any) -> Columns:
    return found(folder, "\n".join(["d,a,b,y", *rows]), task="d", **options)


def looked(columns: Columns, train: str, drop: bool = True) -> Seen:
    """train: a letter a row: t trains, v validates, e tests."""
    where = np.array(list(train))
    t, v, e = (where == letter for letter in "tve")
    return seen_to(columns, Splits(e, t | v, t, v, (t | v,)), drop)


DROPPED = "input for input: dropped (dataset.duplicates=keep keeps them)"
BY_CHANCE = "kept, as rows of so few different values are equal by chance"
MEASURED = ["A,0.1,1.5,0", "A,0.2,2.5,1", "A,0.3,3.5,0", "B,0.4,4.5,1", "B,0.5,5.5,0"]


def test_test_rows_that_may_train_are_dropped_whatever_their_domain(tmp_path: Path) -> None:
    rows = [*MEASURED, "A,0.10,1.5,1", "B,0.2,2.5,0", "A,0.8,2.5,1", "B,0.7,7.5,1"]
    seen = looked(table(tmp_path, rows), "ttttteeee")

    assert np.flatnonzero(seen.splits.test).tolist() == [7, 8]
    assert seen.counts == {"A": 1, "B": 1}
    assert seen.notes == (f"2 test rows stand in the rest of the table too, {DROPPED}",)


def test_a_validation_row_that_trains_is_dropped(tmp_path: Path) -> None:
    rows = [*MEASURED, "B,0.2,2.5,0", "A,0.9,9.5,1", "A,0.8,8.5,1", "B,0.7,7.5,1"]
    seen = looked(table(tmp_path, rows), "tttttvvee")

    assert np.flatnonzero(seen.splits.val).tolist() == [6]
    assert seen.notes == (f"1 validation row stands among those that train too, {DROPPED}",)
    kept = looked(table(tmp_path, rows), "tttttvvee", drop=False)
    assert np.flatnonzero(kept.splits.val).tolist() == [5, 6]
    assert kept.notes[0].endswith("kept")


def test_what_would_leave_nothing_is_refused(tmp_path: Path) -> None:
    rows = [*MEASURED, "A,0.1,1.5,1", "B,0.4,4.5,0", "B,0.7,7.5,1"]

    with pytest.raises(UserError, match=r"dataset.duplicates: expected test rows of domain A that"):
        looked(table(tmp_path, rows), "ttttteet")
    with pytest.raises(UserError, match=r"dataset.duplicates: expected validation rows that are"):
        looked(table(tmp_path, rows[:7]), "tttttvt")


def test_equal_rows_of_other_domains_are_kept_where_values_are_few(tmp_path: Path) -> None:
    """As pupils of two schools are equal."""
    rows = [f"{d},{a},{b},{k % 2}" for k, (d, a, b) in enumerate(
        zip(RANDOM.choice(["A", "B"], 60), RANDOM.choice(["x", "z"], 60), RANDOM.integers(0, 3, 60),
            strict=True)
    )]  # fmt: skip
    columns = table(tmp_path, [*rows, "A,x,7,1", "B,x,7,0"], categorical=("b",))
    seen = looked(columns, "t" * 61 + "e")

    assert equal_by_chance(columns)
    assert seen.splits.test.tolist()[-1]
    assert seen.notes == (f"1 test row equals rows of other domains: {BY_CHANCE}",)


def test_whole_numbers_that_are_equal_by_chance_are_kept_and_copies_are_not(
    tmp_path: Path,
) -> None:
    ages = [f"A,{a},{b},0" for a, b in RANDOM.integers(18, 80, (300, 2)) // (1, 20)]
    codes = [f"A,{a},{b},0" for a, b in RANDOM.integers(0, 1000, (60, 2))]
    fresh = [f"A,{a},{b},0" for a, b in RANDOM.integers(1000, 9000, (59, 2))]
    split = "t" * 150 + "e" * 150
    by_chance = looked(table(tmp_path, ["B,1,1,1", *ages[1:]]), split)
    copied = looked(table(tmp_path, ["B,1,1,1", *codes * 4, *fresh]), split)

    assert by_chance.splits.test.sum() == 150
    assert by_chance.notes[0].endswith(
        f"in the rest of the table too, input for input: {BY_CHANCE}"
    )
    assert copied.splits.test.sum() == 59
    assert copied.notes[0].endswith(DROPPED)
