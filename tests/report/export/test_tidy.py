"""CSV and JSON hold every number as it is, and can be read by what reads them."""

import csv
import io
import json
import math
from dataclasses import replace
from typing import Any, NoReturn

import pandas as pd
import pytest

from tlrun.api.run import run
from tlrun.report.export.curves import Curves, Row, rows_of
from tlrun.report.export.tidy import COLUMNS, OURS_CSV, OURS_JSON, as_csv, as_json

from problems import TINY

MORE = (
    Row(None, "target", 1, 5, "lam", math.inf),
    Row(2, 'odd, "name"', 1, 1, "L_T", 0.1 + 0.2),
    Row(None, "target", 1, 5, "val/target/digit/auc", None),
)


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> list[Curves]:
    runs_dir = tmp_path_factory.mktemp("runs")
    made = []
    for lam in ("1", "inf"):
        done = run(*TINY, f"λ={lam}", "controls=false", runs_dir=runs_dir).run
        rows = (*rows_of(done), *MORE)
        made.append(Curves(done, "digits", {"lam.value": math.inf}, 0.0, rows))
    return made


def test_csv_is_read_back_number_by_number(curves: list[Curves]) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(curves).decode())))
    expected = [(each, row) for each in curves for row in each.rows]

    assert len(rows) == len(expected)
    for found, (each, row) in zip(rows, expected, strict=True):
        assert found["run"] == each.run.path.name
        assert found["lam_label"] == each.run.lam_label
        assert (found["stage"], found["quantity"]) == (row.stage, row.quantity)
        assert (found["step"], found["overall_step"]) == (str(row.step), str(row.overall))
        assert found["fold"] == ("" if row.fold is None else str(row.fold))
        assert (float(found["value"]) if found["value"] else None) == row.value


def test_pandas_reads_a_column_of_numbers(curves: list[Curves]) -> None:
    frame = pd.read_csv(io.BytesIO(as_csv(curves)))

    assert tuple(frame.columns) == COLUMNS
    assert frame.value.dtype == float
    assert frame.value.isna().sum() == sum(r.value is None for c in curves for r in c.rows)
    assert math.inf in set(frame.value)


def refuse(constant: str) -> NoReturn:
    raise AssertionError(constant)


def test_json_is_strict_and_holds_the_same(curves: list[Curves]) -> None:
    document: Any = json.loads(as_json(curves), parse_constant=refuse)

    for found, each in zip(document["runs"], curves, strict=True):
        assert found["headline"] == each.run.result["headline"]
        assert (found["diverged"], found["inexact"]) == (False, None)
        assert found["config"] == {"lam.value": "inf"}
        rows = [(r["stage"], r["quantity"], r["value"]) for r in found["curves"]]
        assert rows == [
            (r.stage, r.quantity, "inf" if r.value == math.inf else r.value) for r in each.rows
        ]
        assert found["curves"][0].keys() == set(COLUMNS[5:])


def test_a_file_tells_that_it_is_ours(curves: list[Curves]) -> None:
    assert as_csv(curves).startswith(OURS_CSV)
    assert as_csv([]).startswith(OURS_CSV)
    assert as_json(curves).startswith(OURS_JSON)
    assert as_json([]).startswith(OURS_JSON)


def test_json_says_what_a_run_went_on_under_another_fingerprint(curves: list[Curves]) -> None:
    marked = replace(curves[0], run=replace(curves[0].run, inexact="torch 1 then, 2 now"))
    document: Any = json.loads(as_json([marked, curves[1]]))

    assert [found["inexact"] for found in document["runs"]] == ["torch 1 then, 2 now", None]
