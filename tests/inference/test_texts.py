import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tlrun.core.errors import UserError
from tlrun.data.texts.tokenizer import Vocabulary
from tlrun.inference.texts import text_reader

TEXTS = ["good film so good", "bad film", "so bad"]
LEARNT = json.loads(Vocabulary("word", 100, 1, lowercase=True).learn(TEXTS).to_str())


def form(*made_of: str, **changes: Any) -> dict[str, Any]:
    return {
        "version": 1, "text": list(made_of or ("text",)), "missing": ["na"], "max tokens": 3,
        "tokenizer": LEARNT, "tasks": [], "domain column": "shop", "domains": {"1": "first"},
        **changes,
    }  # fmt: skip


def ids(given: Any, new: Any) -> list[list[int]]:
    rows = text_reader(given)(new, {})
    return [rows.inputs[np.array([k])][0].tolist() for k in range(len(rows))]


def test_texts_are_read_alike_wherever_they_stand() -> None:
    known = LEARNT["model"]["vocab"]
    expected = [[known["good"], known["film"], known["so"]], [known["bad"], known["film"]]]
    for new in (
        ["Good film so good", " bad film "],
        ("GOOD film so", "bad film"),
        np.array(["good film so good", "bad film"]),
        pd.Series(["good film so good", "bad film"]),
        {"text": ["good film so good", "bad film"], "stars": [1, 2]},
        pa.table({"text": ["good film so good", "bad film"]}),
    ):
        assert ids(form(), new) == expected


def test_a_text_of_several_columns_is_put_together() -> None:
    whole = ids(form(), ["so\nbad", "bad"])
    assert ids(form("title", "text"), {"text": ["bad", "bad"], "title": ["so", None]}) == whole
    with pytest.raises(UserError, match="new rows: expected column title, as in what was learnt"):
        ids(form("title", "text"), {"text": ["bad"]})


def test_a_text_is_made_one_line_where_those_learnt_from_were() -> None:
    broken = ["good<br />film<BR>so", "so \n\n bad"]

    assert ids(form(**{"in one line": True}), broken) == ids(form(), ["good film so", "so bad"])
    assert ids(form(), broken) != ids(form(), ["good film so", "so bad"])


def test_what_was_cut_or_is_unknown_is_told() -> None:
    read = text_reader(form())
    assert read(["good film so good", "new words", "bad new"], {}).told == (
        "cut to 3 tokens: 1 of 3 texts",
        "texts of unknown tokens alone: 1 of 3",
    )
    assert read(["good"], {}).told == ()
    assert read({"text": ["good"], "id": [1]}, {}).told == ("columns that are not used: id",)


def test_the_domain_is_read_of_a_table() -> None:
    rows = text_reader(form())({"text": ["so", "so"], "shop": [1, 2]}, {})
    assert rows.domains is not None
    assert (rows.domains.tolist(), rows.column, rows.told) == (["first", ""], "shop", ())


@pytest.mark.parametrize(
    ("new", "found"),
    [
        ([], "at least one text, found none"),
        (["a", "NA"], "a text in every row of text, found none in row 2"),
        ([None], "a text in every row, found None in row 1"),
        (b"abc", "a text in every row, found b'abc' in row 1"),
        ({"text": ["a", None]}, "a text in every row of text, found none in row 2"),
    ],
)
def test_what_is_no_text_is_refused(new: Any, found: str) -> None:
    with pytest.raises(UserError, match=f"^new rows: expected {found}"):
        ids(form(), new)
