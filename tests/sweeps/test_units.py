from pathlib import Path
from typing import Any

import pytest
from heads import jobs_of, plan_of

from tlrun.sweeps import units
from tlrun.sweeps.units import units_of

SCRATCH = {"name": "scratch"}


def grouped(tmp_path: Path, asked: list[tuple[int, Any]], processes: int) -> list[list[int]]:
    """The seeds in each unit of runs: each a seed and λ, or a seed and a strategy trained alone."""
    plans = []
    for seed, value in asked:
        if isinstance(value, dict):
            plans.append(plan_of(tmp_path, seed=seed, strategy=value))
        else:
            plans.append(plan_of(tmp_path, value, seed=seed))
    units = units_of(jobs_of(plans), processes)
    assert sorted(id(job.plan) for unit in units for job in unit.jobs) == sorted(map(id, plans))
    return [[job.plan.run.seed for job in unit.jobs] for unit in units]


LAMS = [0.1, 1.0, float("inf")]


@pytest.mark.parametrize(
    ("seeds", "lams", "processes", "expected"),
    [
        (1, LAMS, 2, [[0, 0, 0]]),
        (4, LAMS, 1, [[0] * 3 + [1] * 3 + [2] * 3 + [3] * 3]),
        (4, LAMS, 2, [[0] * 3 + [1] * 3, [2] * 3 + [3] * 3]),
        (2, LAMS, 8, [[0] * 3, [1] * 3]),
        (5, [1.0], 2, [[0, 1], [2, 3, 4]]),
    ],
)
def test_heads_are_divided_by_seeds_so_that_every_process_has_some(
    tmp_path: Path, seeds: int, lams: list[float], processes: int, expected: list[list[int]]
) -> None:
    asked = [(seed, lam) for lam in lams for seed in range(seeds)]
    found = grouped(tmp_path, asked, processes)

    assert found == expected or [sorted(each) for each in found] == expected


def test_many_runs_are_several_products(tmp_path: Path) -> None:
    """Sixteen or so in each: a sweep that is stopped has whole seeds."""
    asked = [(seed, 0.1 * (k + 1)) for seed in range(6) for k in range(8)]
    found = grouped(tmp_path, asked, 1)

    assert [len(unit) for unit in found] == [16, 16, 16]
    assert [sorted(set(unit)) for unit in found] == [[0, 1], [2, 3], [4, 5]]


def test_a_run_that_is_trained_alone_keeps_its_turn(tmp_path: Path) -> None:
    asked = [(0, SCRATCH), (0, 1.0), (0, 2.0), (1, SCRATCH), (1, 1.0)]
    plans = grouped(tmp_path, asked, 2)

    assert plans == [[0], [0, 0], [1], [1]]


def test_a_unit_has_no_more_runs_than_a_process_may_hold_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "MOST", 3)
    found = grouped(tmp_path, [(0, 0.1 * (k + 1)) for k in range(8)], 2)

    assert [len(unit) for unit in found] == [3, 3, 2]


def test_a_seed_with_other_runs_is_done_by_itself_so_that_it_is_whole_early(tmp_path: Path) -> None:
    asked: list[tuple[int, Any]] = []
    for seed in range(3):
        asked += [(seed, 1.0), (seed, 2.0), *([(seed, SCRATCH)] if seed < 2 else [])]

    assert grouped(tmp_path, asked, 1) == [[0, 0], [0], [1, 1], [1], [2, 2]]
