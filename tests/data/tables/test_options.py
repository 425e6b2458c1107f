from typing import Any

import pytest

from tlrun.core.errors import UserError
from tlrun.core.options import expected, fields, fits
from tlrun.data.tables.options import TableOptions


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"target": "a"},
            r"dataset.target: expected a value of the column dataset.task, found a and no task",
        ),
        (
            {"task": "t", "predict": ("y", "z")},
            r"dataset.predict: expected one column beside dataset.task, found 2",
        ),
        (
            {"task": "t", "group": "t"},
            r"dataset.group: expected columns that have no other use, found t, which .*task",
        ),
        (
            {"predict": ("y",), "inputs": ("x", "y")},
            r"dataset.inputs: expected columns that have no other use, found y",
        ),
        (
            {"predict": ("y", "y")},
            r"dataset.predict: expected columns that have no other use, found y",
        ),
    ],
)
def test_options_that_contradict_each_other_are_refused_before_a_file_is_read(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        TableOptions(**options)


def test_an_input_may_be_categorical_and_no_other_column_twice() -> None:
    assert TableOptions(inputs=("x", "z"), categorical=("x",))
    assert TableOptions(task="t", predict=("y",), group="g", split="s", ignore=("i", "j"))


def test_every_column_that_an_option_names_is_told_as_text() -> None:
    """A command line reads a column called 7 as a number."""
    options = TableOptions(predict=(7,), task=3, inputs=("x", 8), group="g")

    assert options.named() == {
        "predict": ("7",),
        "inputs": ("x", "8"),
        "ignore": (),
        "categorical": (),
        "task": ("3",),
        "group": ("g",),
        "split": (),
    }
    with pytest.raises(UserError, match=r"dataset\.task: .*3, which dataset\.ignore names too"):
        TableOptions(task=3, ignore=("3",))


@pytest.mark.parametrize(("separator", "good"), [
    (",", True), ("|", True), (" ", True), (r"\t", True), ("\t", True),
    ("", False), ('"', False), (",,", False), ("\n", False), (r"\n", False),
])  # fmt: skip
def test_a_separator_is_one_character_that_can_separate(separator: str, good: bool) -> None:
    hint = fields(TableOptions)["separator"]

    assert fits(separator, hint) is good
    assert expected(hint) == r"one character, or \t for a tab"


def test_where_the_file_is_decides_nothing_and_what_splits_it_is_no_place() -> None:
    options = fields(TableOptions)

    assert TableOptions.places <= set(options)
    assert TableOptions.split_options <= set(options)
    assert not TableOptions.places & TableOptions.split_options
