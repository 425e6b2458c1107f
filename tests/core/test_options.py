import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest

from tlrun.core.options import (
    OneOf,
    Range,
    as_data,
    as_node,
    coerce,
    expected,
    fields,
    fits,
    strict,
)

COUNT = Annotated[int, Range(1)]
SHARE = Annotated[float, Range(0.0, 1.0)]
OPEN = Annotated[float, Range(0.0)]


@dataclass(frozen=True)
class HalfLife:
    """A part, with options of its own."""

    years: OPEN = 2.0


PART = Annotated[HalfLife, OneOf("decay", ("half_life", "mean_life"))]


@dataclass(frozen=True)
class Whole:
    """A node with a node within it."""

    part: PART = field(default_factory=HalfLife)
    name_of_part: str = "x"
    sizes: tuple[COUNT, ...] = (1, 2)


@pytest.mark.parametrize(
    ("value", "hint", "fit"),
    [
        (1, COUNT, True),
        (0, COUNT, False),
        (1.5, COUNT, False),
        (1.0, COUNT, False),
        (True, COUNT, False),
        ("1", COUNT, False),
        (None, COUNT, False),
        (1, SHARE, True),
        (1.01, SHARE, False),
        (math.nan, SHARE, False),
        (False, SHARE, False),
        ({"a": 1}, Mapping[str, COUNT], True),
        ({"a": 0}, Mapping[str, COUNT], False),
        ({}, Mapping[str, COUNT], False),
        ("a", Mapping[str, COUNT], False),
        (math.inf, OPEN, True),
        (-1, OPEN, False),
        (math.nan, OPEN, False),
        ("a", Literal["a", "b"], True),
        ("c", Literal["a", "b"], False),
        (1, Literal[True], False),
        (True, bool, True),
        (1, bool, False),
        ([3, 4], tuple[COUNT, ...], True),
        ([], tuple[COUNT, ...], False),
        ([0], tuple[COUNT, ...], False),
        (3, tuple[COUNT, ...], False),
        (None, int | None, True),
        ("x", int | None, False),
        ({"name": "half_life"}, PART, True),
        ({"name": "half_life", "years": "its options are looked at by build"}, PART, True),
        ({"name": "quarter_life"}, PART, False),
        ({"name": ["half_life"]}, PART, False),
        ({"years": 2.0}, PART, False),
        ({}, PART, False),
        ("half_life", PART, False),
        (HalfLife(), PART, False),
        (None, PART, False),
    ],
)
def test_fits(value: object, hint: Any, fit: bool) -> None:
    assert fits(value, hint) is fit


def test_expected_says_it_in_words() -> None:
    assert expected(COUNT) == "a whole number >= 1"
    assert expected(OPEN) == "a number >= 0 (inf is allowed)"
    assert expected(SHARE) == "a number from 0 to 1"
    assert expected(Literal["a", "b"]) == "one of a, b"
    assert expected(tuple[COUNT, ...]) == "a list like [64,32], each a whole number >= 1"
    assert expected(int | None) == "a whole number or null"
    assert expected(PART) == "one of half_life, mean_life"


def test_coerce_gives_one_form_to_every_spelling() -> None:
    assert repr(coerce(1, SHARE)) == "1.0"
    assert repr(coerce(-0.0, OPEN)) == "0.0"
    assert repr(coerce(1, OPEN | None)) == "1.0"
    assert coerce(None, OPEN | None) is None
    assert coerce([1, 2], tuple[COUNT, ...]) == (1, 2)
    assert coerce("a", Literal["a"]) == "a"


def test_the_rule_of_a_node_within_a_node_is_kept_with_its_type() -> None:
    assert fields(Whole)["part"] == PART
    assert fields(Whole)["part"].__metadata__ == (OneOf("decay", ("half_life", "mean_life")),)


def test_an_object_as_data_holds_its_parts_by_name_and_in_full() -> None:
    whole = Whole(part=HalfLife(3.0), sizes=(4,))

    assert as_data(whole) == {
        "part": {"name": "half_life", "years": 3.0},
        "name_of_part": "x",
        "sizes": (4,),
    }
    assert as_node(whole) == {"name": "whole"} | as_data(whole)
    assert list(as_node(whole)) == ["name", "part", "name_of_part", "sizes"]  # as a YAML has them
    assert as_node(HalfLife()) == {"name": "half_life", "years": 2.0}
    assert fits(as_node(whole)["part"], PART)


def test_strict_writes_infinity_as_text() -> None:
    assert strict({"lam": [math.inf, 1.0, (-math.inf,)]}) == {"lam": ["inf", 1.0, ["-inf"]]}
