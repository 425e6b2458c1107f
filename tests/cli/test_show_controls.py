import json
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from tlrun.cli.show_controls import NOT_THERE, OTHER_ROWS, controls_of, controls_table
from tlrun.store.found import FoundRun, runs

from made_runs import put_run


def made(tmp_path: Path, seed: int = 0) -> FoundRun:
    right = np.arange(20) < 15
    put_run(tmp_path, "parameter_transfer", seed, right)
    return next(run for run in runs(tmp_path) if "parameter_transfer" in run.run_dir.group)


def text_of(run: FoundRun, tmp_path: Path) -> str:
    console = Console(width=80, markup=False)
    with console.capture() as shown:
        console.print(controls_table(run, controls_of(run, runs(tmp_path))))
    return shown.get()


def test_gains_over_the_controls_of_the_same_seed(tmp_path: Path) -> None:
    put_run(tmp_path, "scratch", 0, np.arange(20) < 10)
    put_run(tmp_path, "source_only", 1, np.arange(20) < 5)  # another seed
    run = made(tmp_path)
    compared = {one.name: one.found for one in controls_of(run, runs(tmp_path))}
    lines = text_of(run, tmp_path).splitlines()

    assert compared["source_only"] is None
    assert compared["scratch"] is not None
    assert lines[1].split()[:3] == ["this", "run", "75.0"]
    assert lines[2].split()[:3] == ["scratch", "50.0", "+25.0"]
    assert NOT_THERE in lines[3]


def test_no_gain_where_other_rows_have_tested(tmp_path: Path) -> None:
    put_run(tmp_path, "scratch", 0, np.arange(16) < 8, test_examples="others")
    run = made(tmp_path)

    assert OTHER_ROWS in text_of(run, tmp_path)
    assert "+25.0" not in text_of(run, tmp_path)


def test_a_gain_where_the_rows_in_common_are_the_same(tmp_path: Path) -> None:
    """A method from outside may be tested on the target alone, and so have another digest."""
    put_run(tmp_path, "scratch", 0, np.arange(20) < 10, test_examples="others")
    run = made(tmp_path)

    assert OTHER_ROWS not in text_of(run, tmp_path)
    assert "+25.0" in text_of(run, tmp_path)


@pytest.mark.parametrize("change", [{"status": "failed"}, {"problem": "bbbbbbbbbbbb"}])
def test_only_finished_runs_on_the_same_problem(change: dict[str, str], tmp_path: Path) -> None:
    path = put_run(tmp_path, "scratch", 0, np.arange(20) < 10)
    record = json.loads((path / "run.json").read_text()) | change
    (path / "run.json").write_text(json.dumps(record))

    assert all(one.found is None for one in controls_of(made(tmp_path), runs(tmp_path)))


def test_a_run_without_controls_has_none(tmp_path: Path) -> None:
    run = made(tmp_path)
    plain = FoundRun(run.run_dir, {**run.record, "controls": {}})

    assert controls_of(plain, runs(tmp_path)) == []
