import re

import numpy as np
import pytest
from table_columns import USUAL, column

from tlrun.core.errors import UserError
from tlrun.data.tables.column import Column
from tlrun.data.tables.input_kinds import Inputs, looks_like, sort_inputs
from tlrun.data.tables.notation import Notation
from tlrun.data.tables.spellings import spellings

N = 40
RANDOM = np.random.default_rng(0)
NUMBERS = [f"{x:.2f}" for x in RANDOM.normal(size=N)]
COLOURS = RANDOM.choice(["red", "blue"], N).tolist()


def sort(*candidates: Column, asked: bool = False, categorical: tuple[str, ...] = ()) -> Inputs:
    return sort_inputs(candidates, asked, categorical)


def kinds(inputs: Inputs) -> tuple[list[str], list[str]]:
    return [c.name for c in inputs.numbers], [c.name for c in inputs.categories]


def refusal(cells: list[str], notation: Notation = USUAL) -> str:
    with pytest.raises(UserError) as caught:
        sort(column("a", cells, notation))
    (line,) = caught.value.lines
    return line


def test_numbers_are_numbers_and_words_categories_and_nothing_is_said() -> None:
    inputs = sort(column("n", NUMBERS), column("c", COLOURS), column("m", [*NUMBERS[1:], "NA"]))

    assert kinds(inputs) == (["n", "m"], ["c"])
    assert inputs.notes == ()


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        ([str(k) for k in range(N)], f"number from 0 to {N - 1}"),
        ([str(k) for k in RANDOM.permutation(N) + 1], f"number from 1 to {N}"),
        ([f"{k}.0" for k in range(N)], "number from 0"),
        ([str(k) for k in range(N - 1)] + [""], "number from 0"),
        ([str(min(k, N - 2)) for k in range(N)], "whole number of its own"),
        ([str(1234567890123456000 + k) for k in range(N)], "whole number of its own"),
        ([str(k) for k in RANDOM.choice(10**9, N, replace=False)], "whole number of its own"),
        ([f"P{k:03}" for k in range(N)], "different text"),
    ],
)
def test_what_names_the_rows_is_left_out_and_told_unless_it_is_asked_for(
    cells: list[str], what: str
) -> None:
    ids = column("id", cells)
    inputs = sort(ids, column("n", NUMBERS))

    assert kinds(inputs) == (["n"], [])
    (note,) = inputs.left_out
    assert note.startswith(f"input id: a {what}")
    assert "left out; dataset.inputs=[…,id] reads it" in note
    assert kinds(sort(ids, categorical=("id",))) == ([], ["id"])
    if ids.numeric:
        assert kinds(sort(ids, asked=True)) == (["id"], [])


@pytest.mark.parametrize(
    "cells",
    [
        [str(k) for k in range(9)],  # too few to tell
        ["34", "61", "29", "75", "48", "52", "33", "80", "41", "67", "55", "22"],  # ages
        [str(k // 2) for k in range(N)],
        [f"{k / 7:.3f}" for k in range(N)],
    ],
)
def test_what_only_may_name_the_rows_stays(cells: list[str]) -> None:
    assert kinds(sort(column("id", cells))) == (["id"], [])


@pytest.mark.parametrize(
    ("cells", "looks", "do"),
    [
        ([n.replace(".", ",") for n in NUMBERS], "decimal commas", "try dataset.decimal=','"),
        (["1,234,567"] * N, "commas between thousands", "try dataset.thousands=','"),
        ([f"{abs(float(n)):.1%}" for n in NUMBERS], "percentages", "write plain numbers"),
        ([f"${n}" for n in NUMBERS], "amounts of money", "write plain numbers"),
        (["2021-03-01", "2021-04-01"] * (N // 2), "dates or times", "days since a date"),
        ([f"2021-{k % 12 + 1:02}-{k % 28 + 1:02}" for k in range(N)], "dates or times", "days si"),
    ],
)
def test_numbers_and_dates_in_another_form_are_refused_with_what_to_do(
    cells: list[str], looks: str, do: str
) -> None:
    line = refusal(cells)

    assert line.startswith("dataset.inputs: expected numbers or categories in column a, found ")
    assert f"{cells[0]!r} in line 2: it looks like {looks}" in line
    assert do in line
    mixed = [*NUMBERS[: N // 4], *cells[N // 4 :]]
    assert looks in refusal(mixed)


@pytest.mark.parametrize("stray", ["total", "<0.1", "12 kg", "-", "#REF!"])
def test_a_stray_word_in_a_column_of_numbers_is_named_with_its_line(stray: str) -> None:
    cells = list(NUMBERS)
    cells[17] = stray
    line = refusal(cells)

    assert line.startswith(
        f"dataset.inputs: expected numbers in column a, found {stray!r} in line 19 "
        f"(1 cell is no number of {N})"
    )
    assert "dataset.missing" in line
    assert "dataset.categorical=[a]" in line
    assert kinds(sort(column("a", cells), categorical=("a",))) == ([], ["a"])


def test_a_category_of_nearly_as_many_values_as_rows_is_refused_unless_it_is_named() -> None:
    cells = [f"w{max(k, 5)}" for k in range(N)]
    line = refusal(cells)

    assert f"found {N - 5} different texts in {N} rows ('w5' in line 2)" in line
    assert "dataset.ignore=[a]" in line
    assert kinds(sort(column("a", cells), categorical=("a",))) == ([], ["a"])


def test_free_text_is_refused() -> None:
    line = refusal([f"this is what the patient number {k} said to us" for k in range(N)])

    assert "free text" in line
    assert "dataset=text_csv reads it" in line
    assert "dataset.ignore=[a]" in line


def test_every_column_at_fault_is_told_at_once() -> None:
    with pytest.raises(UserError) as caught:
        sort(
            column("a", [n.replace(".", ",") for n in NUMBERS]),
            column("b", ["inf", *NUMBERS[1:]]),
            column("c", [*NUMBERS[1:], "x"]),
        )

    assert [re.findall("column .", line)[0] for line in caught.value.lines] == [
        "column a", "column b", "column c",
    ]  # fmt: skip


def test_notes_tell_what_a_user_may_not_have_meant() -> None:
    few_numbers = [*["x", "y"] * (N // 2 - 1), "1", "2"]
    many = [f"w{k % 101}" for k in range(300)]
    notes = sort(column("a", few_numbers), column("b", COLOURS)).notes

    assert notes == ("input a holds numbers and text ('x' in line 2): read as 4 categories",)
    assert sort(column("b", many)).notes == (
        "input b has 101 categories; if it only names the row, set dataset.ignore",
    )


def test_a_categorical_name_that_is_no_input_is_answered_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"categorical: expected an input, found 'x'; .*: ab"):
        sort(column("ab", COLOURS), categorical=("x",))


@pytest.mark.parametrize(
    ("cells", "alike"),
    [
        (["Yes", "yes", "no"], "'Yes' and 'yes' look like one value in 2 spellings"),
        (["True", "TRUE", "1", "0"], "'1' and 'TRUE' and 'True' look"),
        (["no", "f", "yes"], "'f' and 'no' look"),
        (["1", "1.0", "2"], "'1' and '1.0' look"),
        (["007", "7", "8"], "'007' and '7' look"),
        (["a  b", "A b", "c"], "'A b' and 'a  b' look"),
        (["x", "X", "y", "Y"], "look like spellings of one value"),
    ],
)
def test_two_spellings_of_one_value_are_told(cells: list[str], alike: str) -> None:
    (note,) = spellings(column("a", cells), "label a")

    assert note.startswith("label a: ")
    assert alike in note


LONG = ["90071992547409921", "90071992547409922"]


@pytest.mark.parametrize(
    "cells", [LONG, ["inf", "1"], ["yes", "no"], ["1", "0"], ["1", "yes"], ["a", "b", "c", ""]]
)
def test_nothing_is_said_of_values_that_differ(cells: list[str]) -> None:
    assert list(spellings(column("a", cells), "label a")) == []


def test_what_looks_like_nothing_in_particular_is_nothing() -> None:
    assert looks_like(column("a", COLOURS)) == ("", "")
