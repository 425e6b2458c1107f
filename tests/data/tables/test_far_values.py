import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from table_columns import column

from tlrun.core.errors import UserError
from tlrun.data.tables.far_values import check_far_values
from tlrun.data.tables.notation import Notation


def notes(cells: list[str], used: list[bool] | None = None) -> list[str]:
    rows = np.array(used or [True] * len(cells))
    return check_far_values(column("a", cells), rows, rows, "dataset.inputs")


def normal(n: int, seed: int = 0) -> list[str]:
    return [f"{x:.3f}" for x in np.random.default_rng(seed).normal(size=n)]


@pytest.mark.parametrize("cell", ["1e20", "-3e38", "1e8"])
@pytest.mark.parametrize("place", [0, 30, 59])
def test_an_absurd_value_is_named_with_its_line(cell: str, place: int) -> None:
    cells = normal(59)
    cells.insert(place, cell)

    with pytest.raises(
        UserError,
        match=rf"dataset.inputs: expected numbers of one size in column a, found '{cell}' in line "
        rf"{place + 2}, .* deviations from the median",
    ):
        notes(cells)


def test_it_is_looked_for_where_rows_test_too_but_not_where_they_are_not_used() -> None:
    cells = [*normal(50), "1e20"]
    fitted, used = np.arange(51) < 40, np.arange(51) < 50

    assert check_far_values(column("a", cells), fitted, used, "k") == []
    with pytest.raises(UserError):
        check_far_values(column("a", cells), fitted, used | True, "k")


def test_a_far_value_is_told_and_kept() -> None:
    (note,) = notes([*normal(50), "5000"])

    assert note.startswith("column a: '5000' in line 52, ")


@pytest.mark.parametrize("fill", ["-999", "999", "99999", "-1", "-999.0"])
def test_a_fill_value_is_one_that_repeats_far_from_all_others(fill: str) -> None:
    cells = [f"{x:.3f}" for x in np.random.default_rng(1).uniform(0.1, 0.4, 50)]
    (note,) = notes([*cells, fill, fill, fill])

    assert f"{fill} in 3 rows, beside 0.1" in note
    assert f"dataset.missing=[…,{fill}]" in note
    assert notes(cells) == []


@given(st.integers(0, 1000), st.sampled_from(["normal", "uniform", "exponential", "poisson"]))
def test_nothing_is_said_of_measurements(seed: int, kind: str) -> None:
    drawn = getattr(np.random.default_rng(seed), kind)(size=60)

    assert notes([f"{x:.3f}" for x in drawn]) == []


@pytest.mark.parametrize(
    "cells", [["1"], ["1", "1e20"], ["1", "1", "1"], ["", "", ""], ["0"] * 50 + ["1"] * 2]
)
def test_too_little_to_tell_from_says_nothing(cells: list[str]) -> None:
    assert notes(cells) == []


def test_what_is_advised_helps() -> None:
    cells = [f"{x:.3f}" for x in np.random.default_rng(1).uniform(0.1, 0.4, 50)]
    cells += ["12345.678"] * 3
    (note,) = notes(cells)
    advised = note.rpartition("…,")[2].removesuffix("]")
    rows = np.full(53, fill_value=True)

    assert check_far_values(column("a", cells, Notation((advised,))), rows, rows, "k") == []


def test_mostly_zeros_are_no_reason_to_refuse_the_rest() -> None:
    counts = ["0"] * 80 + [str(k) for k in (1, 1, 2, 3, 5, 8, 13, 40)]
    cents = ["0"] * 980 + [f"0.0{k}" for k in range(1, 10)] + ["50000"]

    assert notes(counts) == []
    assert len(notes(cents)) == 0 or "50000" in notes(cents)[0]
    with pytest.raises(UserError):
        notes([*counts, "1e12"])
