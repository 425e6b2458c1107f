import math
from typing import Any

import pytest

from tlrun.store.shapes import RECORD, RESULT, checked, fits, fitting

from problems import outcome


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ("a", str),
        (1, int),
        (1, float),
        (None, (float, None)),
        ("inf", (float, "inf")),
        ([1, 2], [int]),
        ([], [int]),
        ({"a": "b"}, {...: str}),
        ({"a": 1, "c": []}, {"a": int, "b?": str}),
    ],
)
def test_what_fits(value: Any, shape: Any) -> None:
    assert fits(value, shape)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (1, str),
        (True, int),
        (True, float),
        (math.nan, float),
        (math.inf, float),
        ("nan", (float, "inf")),
        ([1, "a"], [int]),
        ({"a": 1}, [int]),
        ({"a": 1}, {...: str}),
        ([], {...: str}),
        ({"b": 1}, {"a": int}),
        ({"a": 1, "b": 2}, {"a": int, "b?": str}),
    ],
)
def test_what_does_not_fit(value: Any, shape: Any) -> None:
    assert not fits(value, shape)


def test_the_key_at_fault_is_named() -> None:
    result = dict(outcome().result)

    assert checked(result, RESULT, "result.json") is result
    with pytest.raises(ValueError, match=r"result\.json does not hold what it should under size"):
        checked({**result, "size": []}, RESULT, "result.json")


def test_what_does_not_fit_is_as_though_it_were_not_there() -> None:
    record = {"status": "finished", "pid": 3, "files": [1], "stages": {}, "else": object()}

    assert fitting(record, RECORD).keys() == {"status", "pid", "else"}
    assert fitting({}, RECORD) == {}
