"""What is delivered is whole, its weights fixed before a test row is read, by every method."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from selection.conftest import Finished
from waiting import stopped

from tlrun import load
from tlrun.core.errors import RunFailed, Terminated, UserError
from tlrun.core.task import TaskKey
from tlrun.report.study.predictions import predictions_of
from tlrun.selection.arms import arms_of_study, study_of
from tlrun.selection.deliver import METHODS, Method, choose, write
from tlrun.selection.stacking import log_chances
from tlrun.store.delivered import prove
from tlrun.store.digests import OWN, check_digests

KEY = TaskKey("target", "digit")
PROCEDURE = {"method": "stack", "prior": 8.0, "folds": 3}


def test_weights_are_fixed_without_a_test_row(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a test row was read")

    monkeypatch.setattr("safetensors.numpy.load_file", refuse)
    monkeypatch.setattr("safetensors.torch.load_file", refuse)
    arms_of_study(finished.runs_dir, study_of(finished.runs_dir))
    for method in METHODS:
        choices = choose(finished.arms, finished.held, method, 8.0)
        write(tmp_path, finished.arms, choices, {**PROCEDURE, "method": method})


def test_the_folder_is_whole_and_moves(finished: Finished, tmp_path: Path) -> None:
    choices = choose(finished.arms, finished.held, "stack", 8.0)
    folder = write(tmp_path / "a", finished.arms, choices, PROCEDURE)
    moved = shutil.move(folder, tmp_path / "elsewhere")
    kept = json.loads((Path(moved) / "delivered.json").read_text())

    check_digests(Path(moved), kept["digests"])
    members = kept["tasks"]["target/digit"]["members"]
    assert sum(member["weight"] for member in members) == pytest.approx(1)
    for member in members:
        assert (Path(moved) / member["folder"] / "model.safetensors").is_file()
        assert f"{member['folder']}/model.safetensors" in kept["digests"]
    assert kept["problem"] == finished.arms.problem
    every = {path for path in Path(moved).rglob("*") if path.is_file()}
    assert len(every) == len(kept["digests"]) + 1


def test_again_it_is_the_same_folder_and_another_procedure_is_another(
    finished: Finished, tmp_path: Path
) -> None:
    choices = choose(finished.arms, finished.held, "stack", 8.0)
    one = write(tmp_path, finished.arms, choices, PROCEDURE)
    before = (one / "delivered.json").read_bytes()

    assert write(tmp_path, finished.arms, choices, PROCEDURE) == one
    assert (one / "delivered.json").read_bytes() == before
    assert write(tmp_path, finished.arms, choices, {**PROCEDURE, "prior": 5.0}) != one
    assert not [path for path in one.parent.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("method", METHODS)
def test_each_method_answers_every_row(finished: Finished, method: Method) -> None:
    choice = choose(finished.arms, finished.held, method, 8.0)[KEY]

    assert choice.stack.weights.sum() == pytest.approx(1)
    assert choice.said.shape == (50, 10)
    assert (choice.gate is not None) == (method == "gate")
    if method != "stack":
        assert len(choice.stack.used) == 1 or choice.gate is not None


def test_a_closed_gate_delivers_scratch(finished: Finished) -> None:
    rows = finished.held[KEY]
    same = tuple(rows.outputs[finished.arms.safe] for _ in rows.outputs)
    held = {KEY: type(rows)(same, rows.labels, rows.index, rows.fold)}

    choice = choose(finished.arms, held, "gate", 8.0)[KEY]

    assert choice.gate is not None
    assert not choice.gate.opens
    assert choice.stack.used.tolist() == [finished.arms.safe]
    assert np.array_equal(choice.said, same[0])


def test_new_rows_are_answered_as_the_test_rows_were(finished: Finished, tmp_path: Path) -> None:
    choice = choose(finished.arms, finished.held, "stack", 8.0)[KEY]
    folder = write(tmp_path, finished.arms, {KEY: choice}, PROCEDURE)
    config = finished.arms.every[0].config
    test = config.dataset.load(config.seed).test.open()["target"]
    said = [predictions_of(arm.outcome)[KEY].outputs for arm in finished.arms.every]

    loaded = load(shutil.move(folder, tmp_path / "elsewhere"))

    expected = np.exp(log_chances(choice.stack.outputs(finished.arms.tasks[KEY], said)))
    assert len(choice.stack.used) > 1
    np.testing.assert_allclose(loaded.predict_proba(test.array), expected, atol=1e-6)
    named = np.array(finished.arms.tasks[KEY].classes, dtype=object)[expected.argmax(axis=1)]
    assert (loaded.predict(test.array) == named).all()


def test_what_it_says_is_sealed(finished: Finished, tmp_path: Path) -> None:
    choices = choose(finished.arms, finished.held, "stack", 8.0)
    folder = write(tmp_path, finished.arms, choices, PROCEDURE)
    prove(folder)
    kept = json.loads((folder / "delivered.json").read_text())
    assert OWN in kept
    kept["tasks"]["target/digit"]["members"][0]["weight"] += 1e-9
    (folder / "delivered.json").write_text(json.dumps(kept))

    with pytest.raises(UserError, match=r"delivered\.json is damaged"):
        load(folder)


def test_a_signal_leaves_no_copies(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = choose(finished.arms, finished.held, "stack", 8.0)
    monkeypatch.setattr("tlrun.selection.deliver.digests_of", stopped)
    with pytest.raises(Terminated):
        write(tmp_path, finished.arms, choices, PROCEDURE)

    assert list((tmp_path / ".delivered").iterdir()) == []


@pytest.mark.parametrize("name", ["model.safetensors", "data.json", "predictions.safetensors"])
def test_a_member_that_is_damaged_by_now_is_not_delivered(
    finished: Finished, tmp_path: Path, name: str
) -> None:
    copied = shutil.copytree(finished.runs_dir, tmp_path / "runs")
    arms = arms_of_study(copied, study_of(copied))
    choices = choose(arms, finished.held, "stack", 8.0)
    used = {int(arm) for arm in choices[KEY].stack.used}
    file = arms.every[used.pop()].outcome.path / name
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)

    with pytest.raises(RunFailed, match=f"{name} is damaged"):
        write(tmp_path, arms, choices, PROCEDURE)
    assert list((tmp_path / ".delivered").iterdir()) == []


def test_what_is_delivered_outlasts_a_loss_of_power(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced, fsync = set[int](), os.fsync

    def note(descriptor: int) -> None:
        fsync(descriptor)
        synced.add(os.fstat(descriptor).st_ino)

    monkeypatch.setattr(os, "fsync", note)
    choices = choose(finished.arms, finished.held, "stack", 8.0)
    folder = write(tmp_path, finished.arms, choices, PROCEDURE)

    assert {path.stat().st_ino for path in [folder.parent, folder, *folder.rglob("*")]} <= synced
