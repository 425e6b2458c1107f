import csv
import io
from pathlib import Path

import numpy as np
import pytest

from tlrun.report.answer import Report
from tlrun.report.render.csv_text import FORMULAS, HEAD, csv_text
from tlrun.report.study.build import build_report

from made_reports import FORMULA, axis_report, hostile_report, task_report
from made_runs import off_by, put_run, right_on

MAKERS = {"axis": axis_report, "tasks": task_report, "hostile": hostile_report}


@pytest.fixture(scope="module", params=list(MAKERS))
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return MAKERS[request.param](tmp_path_factory.mktemp("runs"))


def rows_of(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_text(report), newline="")))


def test_there_is_a_row_a_gain_with_numbers_as_computed(report: Report) -> None:
    rows = rows_of(report)
    expected = [
        (arm, gain)
        for study in report.studies
        for arm in study.arms
        for gain in arm.gains or (None,)
    ]

    assert len(rows) == len(expected)
    for row, (arm, gain) in zip(rows, expected, strict=True):
        assert tuple(row) == HEAD
        assert float(row["score"]) == arm.score.value
        assert int(row["seeds"]) == len(arm.seeds)
        assert row["verdict"] == arm.word
        if gain is not None:
            assert float(row["gain"]) == gain.figure.value
            assert float(row["gain_low"]) == gain.figure.low
            assert row["decides"] == ("yes" if gain.primary else "no")
            assert row["p_holm"] == ("" if gain.p is None else str(gain.p))


def test_no_name_is_a_formula_and_no_line_is_broken(tmp_path: Path) -> None:
    text = csv_text(hostile_report(tmp_path))
    rows = list(csv.DictReader(io.StringIO(text, newline="")))

    assert len(text.splitlines()) == len(rows) + 1
    assert "\x1b" not in text
    assert "\u202e" not in text
    for row in rows:
        for key in ("study", "dataset", "metric", "arm", "role", "lambda", "over"):
            assert not row[key].startswith(FORMULAS)
    assert any(row["over"] == f"'{FORMULA}" for row in rows)


def test_an_arm_without_a_control_or_a_score_has_a_row_too(tmp_path: Path) -> None:
    put_run(tmp_path, "fused", 0, {"d/a": off_by(np.ones(20)), "d/b": right_on(np.ones(20, bool))})
    (row,) = rows_of(build_report([tmp_path]))

    assert (row["arm"], row["score"], row["over"], row["gain"]) == ("fused", "", "", "")
    assert row["seeds"] == "1"
