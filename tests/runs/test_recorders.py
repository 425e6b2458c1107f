"""Rows go to the folder with their fold, and to the stage without it."""

import json
from pathlib import Path

import pytest

from tlrun.runs.recorders import StageRecorder
from tlrun.runs.resuming import Resuming

from problems import Watcher, config, planned


@pytest.mark.parametrize("fold", [None, 0, 2])
def test_a_row_says_its_fold_in_the_folder_alone(tmp_path: Path, fold: int | None) -> None:
    plan = planned(config(tmp_path), Watcher())
    plan.run_dir.begin("", {})
    recorder = StageRecorder(Resuming(plan, Watcher()), fold)
    rows: list[dict[str, object]] = [{"stage": "source", "step": step} for step in (1, 2)]
    for row in rows:
        recorder.log(row)

    lines = (plan.run_dir.path / "metrics.jsonl").read_text().splitlines()
    first: dict[str, object] = {} if fold is None else {"fold": fold}
    assert [json.loads(line) for line in lines] == [first | row for row in rows]
    assert recorder.rows == rows
