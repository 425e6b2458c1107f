from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlrun.report.study.states import states_of

from made_runs import off_by, put_run, right_on
from made_studies import folder_of

RIGHT = np.arange(40) % 3 > 0


def told(path: Path, planned: int = 3, **usual: Any) -> tuple[str, ...]:
    folder = folder_of(path)
    return states_of(folder.finished, folder.records, {"torch": "2", **usual}, planned)


def put_three(path: Path, **changes: Any) -> None:
    """Three seeds, of which the last has the changes."""
    for seed in range(3):
        put_run(path, "fused", seed, RIGHT, **(changes if seed == 2 else {}))


def test_usual_runs_have_nothing_to_tell(tmp_path: Path) -> None:
    put_three(tmp_path)

    assert told(tmp_path) == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"loss": 100.0}, "1 of 3 runs diverged"),
        ({"inexact": True}, "1 of 3 runs inexact"),
        ({"fingerprint": {"torch": "1"}}, "1 of 3 runs made elsewhere (torch 1 then, 2 now)"),
    ],
)
def test_what_is_unusual_is_counted(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    put_three(tmp_path, **changes)

    assert told(tmp_path) == (said,)


def test_seeds_that_were_planned_and_are_not_there_are_counted(tmp_path: Path) -> None:
    put_three(tmp_path)

    assert told(tmp_path, planned=10) == ("7 of 10 seeds missing",)
    assert told(tmp_path, planned=2) == ()


def test_every_other_place_is_told_once(tmp_path: Path) -> None:
    put_three(tmp_path)

    assert told(tmp_path, torch="3") == ("3 of 3 runs made elsewhere (torch 2 then, 3 now)",)


def test_a_loss_is_measured_by_that_of_one_answer_for_all(tmp_path: Path) -> None:
    """log 2 of two classes, 1 of a number: a loss of 8 is far from the first alone."""
    number, classes = {"target/price": off_by(np.ones(20))}, {"target/kind": right_on(RIGHT)}
    for seed, (tasks, loss) in enumerate(((number, 8.0), (classes, 8.0), (classes, 6.0))):
        put_run(tmp_path, "fused", seed, tasks, loss=loss)

    assert [run.diverged for run in folder_of(tmp_path).finished] == [False, True, False]


def test_tasks_without_a_score_in_common_have_not_diverged(tmp_path: Path) -> None:
    put_run(tmp_path, "fused", 0, {"d/a": off_by(np.ones(20)), "d/b": right_on(RIGHT)})
    (run,) = folder_of(tmp_path).finished

    assert run.result["headline"]["test"] is None
    assert not run.diverged
