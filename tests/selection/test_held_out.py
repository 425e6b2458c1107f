"""Held-out answers are of every label once, of every arm alike, and are found again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from inline import Inline, unwatched
from selection.conftest import Finished

from tlrun.core.errors import RunFailed
from tlrun.core.task import TaskKey
from tlrun.report.study.build import build_report
from tlrun.report.study.predictions import predictions_of
from tlrun.runs.screen import QuietScreen
from tlrun.selection.held_out import carry_out, fold_runs, joined
from tlrun.store.found import runs
from tlrun.store.rundir import FOLDS
from tlrun.store.studydir import studies

KEY = TaskKey("target", "digit")


def test_every_label_is_answered_by_every_arm(finished: Finished) -> None:
    held = finished.held[KEY]
    problem = finished.arms.every[0].config.dataset.load(0)
    target = problem.domains["target"].train

    assert np.array_equal(held.index, np.sort(target.index))
    assert np.array_equal(held.labels, target.labels["digit"][np.argsort(target.index)])
    assert len(held.outputs) == len(finished.arms.every)
    assert all(each.shape == (50, 10) for each in held.outputs)
    assert set(held.fold.tolist()) == {0, 1, 2}


def test_no_test_row_is_among_them(finished: Finished) -> None:
    tested = predictions_of(finished.arms.every[0].outcome)[KEY].index
    for run in runs(finished.runs_dir, FOLDS):
        assert run.record["test_opened"] == 1  # of what it has held out
        (said,) = predictions_of_folder(run.run_dir.path)
        assert not set(said.tolist()) & set(tested.tolist())


def predictions_of_folder(path: Path) -> list[np.ndarray]:
    from safetensors.numpy import load_file

    tensors = load_file(path / "predictions.safetensors")
    return [tensors[name] for name in tensors if name == f"{KEY}/index"]


def test_they_are_ordinary_runs_that_share_their_source_and_are_found_again(
    finished: Finished,
) -> None:
    count = len(finished.arms.every) * 3
    executor = Inline()
    again = carry_out(finished.arms, 3, executor, QuietScreen(), unwatched)

    assert executor.trained == 0
    assert len(list(runs(finished.runs_dir, FOLDS))) == count
    for one, other in zip(again[KEY].outputs, finished.held[KEY].outputs, strict=True):
        assert np.array_equal(one, other)
    sources = [
        stage["found"]
        for run in runs(finished.runs_dir, FOLDS)
        for stage in run.record["stages"]
        if stage["name"] == "source"
    ]
    assert sources
    assert all(sources)


def test_no_report_and_no_study_knows_of_them(finished: Finished) -> None:
    assert [plan.id for plan in studies(finished.runs_dir)] == [finished.study]
    names = {run.run_dir.name for run in runs(finished.runs_dir)}
    assert not names & {run.run_dir.name for run in runs(finished.runs_dir, FOLDS)}
    report = build_report([finished.runs_dir])
    assert len(report.studies) == 1


def test_a_part_changes_nothing_but_what_is_held_out(finished: Finished) -> None:
    for place, run in enumerate(fold_runs(finished.arms, 3)):
        arm = finished.arms.every[place // 3]
        assert run.strategy == arm.config.strategy
        assert run.lam == arm.config.lam
        assert run.seed == arm.config.seed
        assert run.dataset.holdout_fold == f"{place % 3 + 1}/3"  # type: ignore[attr-defined]


def test_scratch_that_diverged_on_a_part_is_refused_by_name(finished: Finished) -> None:
    arms, outcome = finished.arms, finished.arms.every[0].outcome
    of_arms = [[outcome, outcome] for _ in arms.every]
    of_arms[arms.safe][1] = replace(outcome, diverged=True)

    with pytest.raises(RunFailed, match=r"scratch diverged .* smaller optimizer\.lr"):
        joined(arms, of_arms)
