from pathlib import Path
from typing import Any

import pytest

from tlrun.core.errors import UserError
from tlrun.core.problem import Problem
from tlrun.data.datasets.digits import Digits
from tlrun.runs.plan import THIS

from problems import Watcher, config, performed, swept


def lam(value: float) -> dict[str, Any]:
    return {"name": "constant", "value": value}


def test_what_jobs_share_is_one_run(tmp_path: Path) -> None:
    """12 jobs: 2 strategies, 3 λ, 2 seeds; the four controls are shared by all jobs of a seed."""
    configs = [
        config(tmp_path, controls=True, strategy={"name": name}, lam=lam(value), seed=seed)
        for name in ("parameter_transfer", "feature_transfer")
        for value in (0.1, 1.0, 10.0)
        for seed in (0, 1)
    ]
    sweep = swept(configs, Watcher())

    assert len(sweep.arms) == 12
    assert all(len(arms) == 5 for arms in sweep.arms)
    assert len(sweep.runs) == len(sweep.missing) == 12 + 2 * 4
    # what was asked for comes first
    assert [name for name, _ in sweep.runs.values()][:12] == [THIS] * 12
    assert [arms[THIS].run.seed for arms in sweep.arms] == [0, 1] * 6
    assert {path.name for path in tmp_path.iterdir()} <= {".cache"}  # data may be remembered


def test_a_sweep_goes_seed_by_seed_and_begins_each_with_who_needs_a_stage_first(
    tmp_path: Path,
) -> None:
    """So that one that is stopped has whole seeds, and few wait for one another's source stage."""
    configs = [
        config(tmp_path, lam=lam(value), seed=seed)
        for seed in (0, 1, 2)
        for value in (0.1, 1.0, 10.0)
    ]
    missing = [plan for _, plan in swept(configs, Watcher()).missing.values()]
    keys = [next(iter(plan.shared_keys)) for plan in missing]

    assert len(keys) == 9
    assert len(set(keys)) == 3
    assert [plan.run.seed for plan in missing] == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_who_waits_for_a_stage_comes_last_in_a_seed(tmp_path: Path) -> None:
    """Of seeds in the order of the jobs; what needs no stage of another is trained meanwhile."""
    configs = [
        config(tmp_path, controls=True, lam=lam(value), seed=seed)
        for value in (0.1, 1.0)
        for seed in (7, 3)
    ]
    missing = list(swept(configs, Watcher()).missing.values())

    assert [plan.run.seed for _, plan in missing] == [7] * 6 + [3] * 6
    for of_seed in (missing[:6], missing[6:]):
        first, *free = [bool(plan.shared_keys) for _, plan in of_seed]
        assert first
        assert sorted(free) == free  # those that need none, then those that wait
        assert sum(free) == 2  # the other λ and source_only
        assert {name for name, _ in of_seed if name != THIS} == {
            "scratch", "scratch, total budget", "source_only", "joint, λ=1",
        }  # fmt: skip


def test_what_is_left_of_a_stopped_sweep_goes_on_where_it_was(tmp_path: Path) -> None:
    configs = [config(tmp_path, controls=True, seed=seed) for seed in (0, 1)]
    every = swept(configs, Watcher()).missing
    for name, plan in list(every.values())[:3]:
        performed(plan, name, Watcher())
    left = swept(configs, Watcher()).missing

    assert set(left) == set(list(every)[3:])
    assert [plan.run.seed for _, plan in left.values()] == [0] * 2 + [1] * 5


def test_a_control_that_is_also_asked_for_is_one_run(tmp_path: Path) -> None:
    configs = [
        config(tmp_path, controls=True),
        config(tmp_path, strategy={"name": "scratch", "budget": "target"}),
    ]
    sweep = swept(configs, Watcher())

    assert len(sweep.runs) == 5
    assert sweep.arms[1][THIS].run_dir == sweep.arms[0]["scratch"].run_dir


def test_data_is_loaded_once_a_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[int] = []
    load = Digits.load

    def counting(self: Digits, seed: int) -> Problem:
        loaded.append(seed)
        return load(self, seed)

    monkeypatch.setattr(Digits, "load", counting)
    swept(
        [
            config(tmp_path, controls=True, lam=lam(v), seed=s)
            for v in (0.1, 1.0, 10.0)
            for s in (0, 1, 2)
        ],
        Watcher(),
    )

    assert sorted(loaded) == [0, 1, 2]


def test_finished_runs_are_found_and_what_they_lack_is_said_once(tmp_path: Path) -> None:
    configs = [config(tmp_path, controls=True, seed=seed) for seed in (0, 1)]
    for name, plan in swept(configs, Watcher()).runs.values():
        performed(plan, name, Watcher())
    assert swept(configs, Watcher()).missing == {}

    watcher = Watcher()
    for path in tmp_path.rglob("result.json"):
        path.unlink()
    again = swept(configs, watcher)
    assert len(again.missing) == 10
    *_, said = watcher.notes  # the load report comes first
    assert sum("result.json" in note for note in watcher.notes) == 1
    assert said.startswith("10 runs: finished, but result.json")


def test_rerun_is_for_what_is_asked_for_and_not_for_controls(tmp_path: Path) -> None:
    for name, plan in swept([config(tmp_path, controls=True)], Watcher()).runs.values():
        performed(plan, name, Watcher())
    again = swept([config(tmp_path, controls=True, rerun=True)], Watcher())

    assert [name for name, _ in again.missing.values()] == [THIS]


def test_all_mistakes_of_all_jobs_come_at_once(tmp_path: Path) -> None:
    """In the order of the jobs, whichever is planned first."""
    split = {"name": "digits", "classes": "split"}
    few = {"name": "digits", "labels_per_class": 900}
    jobs = [
        config(tmp_path, dataset=split, lam=lam(0.0)),
        config(tmp_path, dataset=few),
        config(tmp_path),
    ]
    keys = {}
    for order in (jobs, jobs[::-1]):
        with pytest.raises(UserError) as caught:
            swept(order, Watcher())
        keys[order is jobs] = [line.split(":")[0] for line in caught.value.lines]

    assert keys == {
        True: ["lam.value", "dataset.labels_per_class"],
        False: ["dataset.labels_per_class", "lam.value"],
    }
