import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlrun.data.tables.notation import NOTATIONS, Notation, kind_of_text, other_notations


@given(st.floats(allow_nan=False))
def test_what_python_writes_is_read_as_it_was(number: float) -> None:
    assert Notation().number(repr(number)) == number
    assert Notation().number(f"+{abs(number)!r}") == abs(number)


@given(st.text(st.sampled_from("0123456789+-.eE_ xnaif,"), max_size=8))
def test_a_number_is_what_python_reads_as_one_less_its_liberties(text: str) -> None:
    """Python also reads underscores, spaces around a number, and nan."""
    try:
        expected: float | None = float(text)
    except ValueError:
        expected = None
    if expected is not None and (math.isnan(expected) or "_" in text or text != text.strip()):
        expected = None

    assert Notation().number(text) == expected


@pytest.mark.parametrize(
    ("notation", "text", "number"),
    [
        (Notation(decimal=","), "-1,5e3", -1500),
        (Notation(decimal=","), ",5", 0.5),
        (Notation(decimal=","), "1.5", None),
        (Notation(thousands=","), "1,234,567.5", 1234567.5),
        (Notation(thousands=","), "1234", 1234),
        (Notation(thousands=","), "12,34", None),
        (Notation(thousands=","), "1,234,5", None),
        (Notation(thousands=","), ",123", None),
        (Notation(decimal=",", thousands="."), "1.234,5", 1234.5),
        (Notation(decimal=",", thousands="."), "1.234.567", 1234567),
        (Notation(decimal=",", thousands="."), "1.5", None),
        (Notation(thousands=" "), "-12 345", -12345),
        (Notation(thousands="'"), "12'345", 12345),
        (Notation(), "1_000", None),
        (Notation(), "１２", None),
        (Notation(), "0x10", None),
        (Notation(), "", None),
        (Notation(), "-Infinity", -math.inf),
    ],
)
def test_numbers_of_a_notation(notation: Notation, text: str, number: float | None) -> None:
    assert notation.number(text) == number


@given(
    st.floats(min_value=-1e9, max_value=1e9),
    st.sampled_from([notation for notation, _, _ in NOTATIONS]),
)
def test_a_number_written_in_a_notation_is_read_in_it(number: float, notation: Notation) -> None:
    text = f"{number:,.6f}".replace(",", "\0").replace(".", notation.decimal)

    assert notation.number(text.replace("\0", notation.thousands)) == float(f"{number:.6f}")


def test_missing_words_are_words_in_any_case_or_numbers_in_any_form() -> None:
    notation = Notation(("NA", "-999", " x "))

    for text in ("", "na", "NA", "-999", "-999.0", "-9.99e2", "X"):
        assert notation.is_missing(text)
    for text in ("n a", "999", "0"):
        assert not notation.is_missing(text)
    assert Notation(("-99.9",), decimal=",").is_missing("-99,9")
    assert not Notation().is_missing("NA")
    assert not Notation().is_missing("0")


@pytest.mark.parametrize(
    ("texts", "options"),
    [
        (["0,5", "1,25"], ["dataset.decimal=','"]),
        (["0,126", "-1,265"], ["dataset.decimal=','"]),
        (["1,234", "12,345"], ["dataset.decimal=','", "dataset.thousands=','"]),
        (["1,234", "1,234,567"], ["dataset.thousands=','"]),
        (["1.234,5", "2.000.000"], ["dataset.decimal=',' dataset.thousands=."]),
        (["1 234", "5 678"], ["dataset.thousands=' '"]),
        (["1'234"], ['dataset.thousands="\'"']),
        (["0,5", "x"], []),
        (["red", "blue"], []),
        ([], []),
    ],
)
def test_what_numbers_of_another_notation_look_like(texts: list[str], options: list[str]) -> None:
    assert [option for _, option in other_notations(texts, Notation())] == options


def test_the_notation_in_use_is_no_other() -> None:
    for notation, _, option in NOTATIONS:
        assert option not in [o for _, o in other_notations(["1,234"], notation)]
    assert other_notations(["1.5"], Notation(decimal=",")) == [NOTATIONS[-1][1:]]


@pytest.mark.parametrize(
    ("texts", "looks"),
    [
        (["2021-03-01", "2021-12-31"], "dates or times"),
        (["2021-03-01 12:30:00", "2021-03-01T12:30:00Z"], "dates or times"),
        (["1/2/21", "31.12.2021"], "dates or times"),
        (["3 Mar 2021", "Mar 3, 2021", "03-MAR-21"], "dates or times"),
        (["12:30", "1:05 pm"], "dates or times"),
        (["51.3%", "7 %"], "percentages"),
        (["$12.50", "€ 1.000", "3,50€"], "amounts of money"),
        (["red", "2021-03-01", "blue"], ""),
        (["A-1", "B-2"], ""),
        ([], ""),
    ],
)
def test_what_texts_look_like(texts: list[str], looks: str) -> None:
    assert kind_of_text(texts) == looks
