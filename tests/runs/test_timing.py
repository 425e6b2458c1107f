from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from waiting import stopped

from tlrun.core.errors import Terminated
from tlrun.runs.remembered import ProblemCache
from tlrun.runs.timing import TimedStage, _seconds, timed_stages

from problems import Watcher, config, performed, planned


def test_every_stage_is_timed_and_nothing_is_left(tmp_path: Path) -> None:
    runs_dir = tmp_path / "runs"
    trainer = {"name": "trainer", "steps": 1000, "batch_size": 16, "eval_every": 4}
    timed = planned(config(runs_dir, trainer=trainer), Watcher())
    stages = timed_stages(timed, ProblemCache(), 60.0)

    assert len(stages) == len(timed.stages) == 2
    assert all(isinstance(stage, TimedStage) and stage.seconds > 0 for stage in stages)
    assert not runs_dir.exists()


def test_the_size_is_that_of_the_weights_that_are_kept(tmp_path: Path) -> None:
    plan = planned(config(tmp_path, strategy={"name": "scratch"}), Watcher())
    (stage,) = timed_stages(plan, ProblemCache(), 60.0)
    outcome = performed(plan, "this run", Watcher())

    assert stage is not None
    assert stage.parameters == outcome.result["size"]["parameters"]


def test_nothing_is_said_of_what_takes_too_long(tmp_path: Path) -> None:
    trainer = {"name": "trainer", "steps": 1000, "batch_size": 16, "eval_every": 4}
    plan = planned(config(tmp_path, trainer=trainer), Watcher())

    assert timed_stages(plan, ProblemCache(), 0.0) == [None, None]


def test_a_signal_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned(config(tmp_path / "runs"), Watcher())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("tlrun.runs.timing._each_stage", stopped)
    with pytest.raises(Terminated):
        timed_stages(plan, ProblemCache(), 60.0)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("took", "every", "seconds"),
    [
        ([9.0, 9.0, 1.0, 1.0, 1.0], 10, 1.0),  # the first are not counted
        ([1.0] * 9 + [6.0], 10, 1.5),  # an evaluation of 5 s after every tenth
        ([1.0, 1.0, 3.0, 3.0, 3.0], 1, 3.0),  # after each
        ([1.0, 1.0, 1.0, 1.0], 10, None),
    ],
)
def test_a_step_costs_its_share_of_the_evaluations(
    took: list[float], every: int, seconds: float | None
) -> None:
    times = [0.0]
    for each in took:
        times.append(times[-1] + each)
    stage: Any = SimpleNamespace(stage=SimpleNamespace(steps=1000))

    assert _seconds(times, every, cast("Any", stage)) == (
        None if seconds is None else pytest.approx(seconds)
    )
