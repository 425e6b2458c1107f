import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from tlrun.core.errors import UserError
from tlrun.core.options import strict
from tlrun.report.answer import Study
from tlrun.report.study.build import build_report

from made_runs import put_arm, put_run, put_study
from made_studies import arm_of, only


def test_the_answer_comes_first_and_names_who_helps_and_who_hurts(tmp_path: Path) -> None:
    put_study(tmp_path)
    study = only(tmp_path)

    assert study.verdict.startswith("Yes: parameter transfer (λ=1) helps, by ")
    assert "over training from scratch" in study.verdict
    assert any("Feature transfer (λ=1) hurts" in sentence for sentence in study.more)
    assert [arm.strategy for arm in study.arms] == [
        "parameter_transfer", "source_only", "scratch", "feature_transfer",
    ]  # fmt: skip
    assert arm_of(study, "parameter_transfer").word == "HELPS"
    assert arm_of(study, "feature_transfer").word == "HURTS"
    assert arm_of(study, "scratch").word == ""
    assert [arm.best for arm in study.arms] == [True, False, False, False]


def test_gains_are_those_of_the_scores(tmp_path: Path) -> None:
    put_study(tmp_path)
    study = only(tmp_path)
    scores = {arm.strategy: arm.score.value or 0.0 for arm in study.arms}

    for arm in study.arms:
        for gain in arm.gains:
            assert gain.figure.value == pytest.approx(scores[arm.strategy] - scores[gain.over])
            low, value, high = gain.figure.low, gain.figure.value, gain.figure.high
            assert low is not None
            assert value is not None
            assert high is not None
            assert low < value < high


def test_equal_arms_get_no_word_of_a_difference(tmp_path: Path) -> None:
    for strategy in ("scratch", "source_only"):
        put_arm(tmp_path, strategy, 0.5)
    put_arm(tmp_path, "parameter_transfer", 0.5, lam=1.0)
    study = only(tmp_path)

    assert study.verdict.startswith("Not shown")
    assert arm_of(study, "parameter_transfer").word == "UNCLEAR"
    assert all(arm.best for arm in study.arms)


@pytest.mark.parametrize(
    ("seeds", "rows", "why"),
    [(4, 400, "4 seeds, and a word takes 5"), (6, 14, "7 test examples of the rarest class")],
)
def test_too_little_to_say_is_said(tmp_path: Path, seeds: int, rows: int, why: str) -> None:
    put_study(tmp_path, seeds, rows)
    study = only(tmp_path)

    assert study.verdict.startswith("No verdict: ")
    assert why in study.verdict
    assert {arm.word for arm in study.arms} == {""}


def test_a_finished_run_without_its_predictions_has_a_gain_and_no_word(tmp_path: Path) -> None:
    """Over seeds alone its interval would be too narrow to draw a word from."""
    put_study(tmp_path)
    for path in tmp_path.glob("made/parameter_transfer/*/predictions.safetensors"):
        path.write_bytes(b"broken")
    arm = arm_of(only(tmp_path), "parameter_transfer")

    assert arm.gains[0].figure.value is not None
    assert (arm.gains[0].figure.low, arm.gains[0].p, arm.gains[0].shown) == (None, None, "–")
    assert arm.word == ""


def test_what_lies_beside_is_listed_apart(tmp_path: Path) -> None:
    put_study(tmp_path)
    path = put_run(tmp_path, "joint", 99, np.ones(400, bool), controls={})
    record = json.loads((path / "run.json").read_text())
    (path / "run.json").write_text(json.dumps(record | {"status": "failed", "reason": "no disk"}))
    study = only(tmp_path)

    (other,) = study.others
    assert (other.status, other.why) == ("failed", "no disk")
    assert "joint" not in {arm.strategy for arm in study.arms}


def test_one_folder_alone_is_answered_with_its_controls(tmp_path: Path) -> None:
    put_study(tmp_path)
    put_arm(tmp_path, "scratch", 0.5, problem="bbbbbbbbbbbb", options={"other": 1}, controls={})
    assert len(build_report([tmp_path]).studies) == 2
    (within,) = build_report([tmp_path / "made" / "parameter_transfer"]).studies

    assert replace(within, others=()) == replace(only_of(tmp_path, within.problem), others=())


def only_of(path: Path, problem: str) -> Study:
    (study,) = (study for study in build_report([path]).studies if study.problem == problem)
    return study


def test_a_report_is_json_without_a_number_that_is_none(tmp_path: Path) -> None:
    put_study(tmp_path, seeds=1)
    text = json.dumps(strict(asdict(build_report([tmp_path]))), allow_nan=False)

    assert "parameter_transfer" in text


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_where_no_run_is_it_is_said_in_a_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(UserError, match=r"report: expected a folder.*, found .*; "):
        build_report([tmp_path / name])
