import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from tlrun.report.study.arms import Axis, chosen_lams, number_of, shown
from tlrun.report.study.grouping import grouped

from made_runs import put_arm, put_run
from made_studies import folder_of, parts_of

RIGHT = np.arange(40) % 3 > 0
LOSSES: Mapping[float, Sequence[float | None]] = {
    0.0: [0.9, 0.8, 0.9, 0.7],
    1.0: [0.3, 0.4, 0.5, 0.4],
    math.inf: [0.5, 0.3, 0.4, 0.6],
}


def put_axis(path: Path, losses: Mapping[float, Sequence[float | None]]) -> None:
    """Runs of one family along λ. losses: of each λ the validation loss of every seed."""
    for lam, of_seeds in losses.items():
        for seed, loss in enumerate(of_seeds):
            put_run(path, "parameter_transfer", seed, RIGHT, lam=lam, val_loss=loss)


def axis_of(path: Path) -> Axis:
    (study,) = grouped(folder_of(path))
    (axis,) = study.axes
    return axis


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("own", [-100.0, 100.0])
def test_no_seed_chooses_its_own_lam(tmp_path: Path, seed: int, own: float) -> None:
    """Whatever λ does for it: its own validation loss may be anything."""
    put_axis(tmp_path / "before", LOSSES)
    before = chosen_lams(axis_of(tmp_path / "before").by_lam)
    for lam in LOSSES:
        changed = {k: list(losses) for k, losses in LOSSES.items()}
        changed[lam][seed] = own
        put_axis(tmp_path / f"after {lam}", changed)
        after = chosen_lams(axis_of(tmp_path / f"after {lam}").by_lam)

        assert before is not None
        assert after is not None
        assert after[seed] == before[seed]


def test_an_axis_is_one_arm_where_validation_chooses_and_one_a_lam_where_not(
    tmp_path: Path,
) -> None:
    put_axis(tmp_path / "chosen", LOSSES)
    put_axis(tmp_path / "not", {lam: [None] * 4 for lam in LOSSES})
    (chosen,) = parts_of(tmp_path / "chosen").series

    assert "validation loss" in chosen.chosen
    assert list(chosen.runs) == [0, 1, 2, 3]
    assert {run.lam_label for run in chosen.runs.values()} <= {"1", "inf"}
    apart = parts_of(tmp_path / "not").series
    assert [one.lam for one in apart] == ["0", "1", "∞"]
    assert {one.chosen for one in apart} == {""}
    assert parts_of(tmp_path / "not").terms.arms == 3
    assert parts_of(tmp_path / "chosen").terms.arms == 1


def test_a_run_that_diverged_has_no_validation_loss_and_is_not_chosen(tmp_path: Path) -> None:
    put_axis(tmp_path, {1.0: [0.1, None, 0.1, 0.1], 10.0: [0.5, 0.5, 0.5, 0.5]})
    picked = chosen_lams(axis_of(tmp_path).by_lam)

    assert picked is not None
    assert {picked[seed] for seed in (0, 2, 3)} == {"10"}


def test_two_seeds_leave_too_few_to_choose_by(tmp_path: Path) -> None:
    put_axis(tmp_path, {lam: losses[:2] for lam, losses in LOSSES.items()})

    assert chosen_lams(axis_of(tmp_path).by_lam) is None
    assert len(parts_of(tmp_path).series) == 3


def test_only_seeds_that_every_lam_has_are_compared(tmp_path: Path) -> None:
    put_axis(tmp_path, {**LOSSES, 1.0: [0.3, 0.4, 0.5]})
    (one,) = parts_of(tmp_path).series

    assert list(one.runs) == [0, 1, 2]


def test_a_schedule_is_a_lam_of_its_own_behind_the_numbers(tmp_path: Path) -> None:
    put_axis(tmp_path, {10.0: [None], 0.5: [None]})
    put_run(tmp_path, "parameter_transfer", 1, RIGHT, lam=2.0, lam_label="linear")

    assert list(axis_of(tmp_path).by_lam) == ["0.5", "10", "linear"]
    assert number_of("linear") is None
    assert number_of("") is None
    assert (number_of("inf"), shown("inf"), shown("")) == (math.inf, "∞", "–")


def test_controls_are_those_of_the_same_seed(tmp_path: Path) -> None:
    put_arm(tmp_path, "scratch", 0.5, seeds=3)
    put_arm(tmp_path, "parameter_transfer", 0.7, seeds=5, lam=1.0)
    (one,) = parts_of(tmp_path).series

    assert list(one.runs) == [0, 1, 2, 3, 4]
    assert list(one.controls) == ["scratch"]
    assert {seed: run.seed for seed, run in one.controls["scratch"].items()} == {0: 0, 1: 1, 2: 2}
